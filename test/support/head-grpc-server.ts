import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData, status } from '@grpc/grpc-js';

/** Rates of one service, or a gRPC status. */
export type HeadGrpcAnswer =
  | { readonly defaultRate: number; readonly operations?: Readonly<Record<string, number>> }
  | { readonly code: number; readonly details: string }
  | { readonly bytes: Buffer };

const bytesAsTheyAre = (bytes: Buffer): Buffer => bytes;

/** `jaeger.api_v2.SamplingManager` on 127.0.0.1 that gives whatever answer is set. Its messages are written here from the field numbers of api_v2/sampling.proto. */
export class HeadGrpcServer {
  polls = 0;
  answer: HeadGrpcAnswer;
  readonly #server = new Server();
  #port = 0;

  private constructor(answer: HeadGrpcAnswer) {
    this.answer = answer;
    this.#server.addService({
      GetSamplingStrategy: {
        path: '/jaeger.api_v2.SamplingManager/GetSamplingStrategy', requestStream: false, responseStream: false,
        requestSerialize: bytesAsTheyAre, requestDeserialize: bytesAsTheyAre, responseSerialize: bytesAsTheyAre, responseDeserialize: bytesAsTheyAre,
      },
    }, { GetSamplingStrategy: (_call: ServerUnaryCall<Buffer, Buffer>, reply: sendUnaryData<Buffer>) => this.#reply(reply) });
  }

  static async listen(answer: HeadGrpcAnswer): Promise<HeadGrpcServer> {
    const server = new HeadGrpcServer(answer);
    server.#port = await new Promise<number>((resolve, reject) => {
      server.#server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => (error === null ? resolve(port) : reject(error)));
    });
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async close(): Promise<void> {
    this.#server.forceShutdown();
  }

  #reply(reply: sendUnaryData<Buffer>): void {
    this.polls++;
    const { answer } = this;
    if ('code' in answer) reply({ code: answer.code, details: answer.details });
    else reply(null, 'bytes' in answer ? answer.bytes : responseOf(answer.defaultRate, answer.operations));
  }
}

export { status };

/** SamplingStrategyResponse: probabilisticSampling = 2, operationSampling = 4. */
function responseOf(defaultRate: number, operations: Readonly<Record<string, number>> | undefined): Buffer {
  const probabilistic = message(2, double(1, defaultRate));
  if (operations === undefined) return probabilistic;
  const strategies = Object.entries(operations).map(([name, rate]) => message(3, Buffer.concat([message(1, Buffer.from(name)), message(2, double(1, rate))])));
  return Buffer.concat([probabilistic, message(4, Buffer.concat([double(1, defaultRate), ...strategies]))]);
}

function double(field: number, value: number): Buffer {
  const bytes = Buffer.alloc(9);
  bytes[0] = (field << 3) | 1;
  bytes.writeDoubleLE(value, 1);
  return bytes;
}

function message(field: number, content: Buffer): Buffer {
  const length: number[] = [];
  for (let rest = content.length; ; rest >>>= 7) {
    length.push(rest > 127 ? (rest & 127) | 128 : rest);
    if (rest <= 127) break;
  }
  return Buffer.concat([Buffer.from([(field << 3) | 2, ...length]), content]);
}
