import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import protobuf from 'protobufjs';
import { ByteBudget } from '../../src/base/byte-budget.ts';
import type { CodedError } from '../../src/base/errors.ts';
import { realSeam } from '../../src/base/seam.ts';
import { GrpcServer, type GrpcServerLimits } from '../../src/grpc/server.ts';
import type { Signal } from '../../src/otap/payload-type.ts';
import { acceptedAck, type BatchAck, type OpenOtlpIntake } from '../../src/pipeline/intake-port.ts';
import { addOtlpReceiver } from '../../src/receivers/otlp-grpc.ts';
import { type OtlpHttpOptions, OtlpHttpServer } from '../../src/receivers/otlp-http.ts';
import { silentLogger } from '../../src/telemetry/log.ts';

/** An intake that remembers what it was given; `answer` says what to answer, at once or later. */
export class FakeIntake {
  readonly received: { readonly signal: Signal; readonly bytes: Buffer; readonly compressed: Buffer | null; readonly encoding: string }[] = [];
  /** Reasons of what was refused before the intake saw it. */
  readonly refused: string[] = [];
  underWay = 0;
  answer: (signal: Signal) => BatchAck | Promise<BatchAck> = () => acceptedAck;

  readonly open: OpenOtlpIntake = (signal) => ({
    accept: async ({ bytes, compressed, encoding }) => {
      this.underWay++;
      this.received.push({ signal, bytes: Buffer.from(bytes), compressed: compressed === null ? null : Buffer.from(compressed), encoding });
      return Promise.resolve(this.answer(signal)).finally(() => this.underWay--);
    },
  });

  /** From now on nothing is answered before the function that this gives is called; then everything is taken. */
  hold(): () => void {
    const { promise, resolve } = Promise.withResolvers<BatchAck>();
    this.answer = () => promise;
    return () => resolve(acceptedAck);
  }
}

export const budgetBytes = 4_000_000;

export async function withHttp(intake: FakeIntake, options: Partial<OtlpHttpOptions>, work: (port: number, server: OtlpHttpServer, budget: ByteBudget) => Promise<void>): Promise<void> {
  const budget = options.budget ?? new ByteBudget(budgetBytes);
  const server = new OtlpHttpServer({
    open: intake.open, cors: null, security: { tls: null, auth: null }, budget, seam: realSeam(), log: silentLogger,
    onRefused: ({ reason }) => intake.refused.push(reason),
    ...options,
    limits: { bodyBytesMax: 100_000, inflatedBytesMax: 200_000, readTimeoutMs: 10_000, ...options.limits },
  });
  const port = await server.listen('127.0.0.1', 0);
  try {
    await work(port, server, budget);
  } finally {
    await server.drain(1000);
  }
  await givenBack(budget);
}

async function givenBack(budget: ByteBudget): Promise<void> {
  for (let left = 50; budget.bytes !== 0; left--) {
    if (left === 0) throw new Error(`${budget.bytes} bytes of the budget were not given back`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export async function withGrpc(intake: FakeIntake, limits: Partial<GrpcServerLimits>, work: (port: number, server: GrpcServer) => Promise<void>): Promise<void> {
  const budget = new ByteBudget(budgetBytes);
  const onRefused = ({ reason }: CodedError): unknown => intake.refused.push(reason);
  const server = new GrpcServer({ seam: realSeam(), log: silentLogger, limits, onRefused });
  addOtlpReceiver(server, { open: intake.open, budget, onRefused });
  const port = await server.listen('127.0.0.1', 0);
  try {
    await work(port, server);
  } finally {
    await server.drain(1000);
  }
  await givenBack(budget);
}

export interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
}

/** One request over HTTP, with headers that may be wrong. */
export async function request(port: number, options: { readonly path?: string; readonly method?: string; readonly headers?: http.OutgoingHttpHeaders; readonly body?: Uint8Array; readonly agent?: http.Agent }): Promise<Answer> {
  const { path = '/v1/traces', method = 'POST', headers = {}, body = Buffer.alloc(0), agent } = options;
  const sent = http.request({ host: '127.0.0.1', port, path, method, headers: { 'content-type': 'application/x-protobuf', ...headers }, ...(agent === undefined ? {} : { agent }) });
  sent.end(body);
  const [response] = await once(sent, 'response') as [http.IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return { status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) };
}

const statusType = protobuf.parse('syntax = "proto3"; message Status { int32 code = 1; string message = 2; }').root.lookupType('Status');

/** The google.rpc.Status of an answer, in whichever encoding. */
export function statusOf({ headers, body }: Answer): { readonly code: number; readonly message: string } {
  if (headers['content-type'] === 'application/json') return JSON.parse(body.toString()) as { code: number; message: string };
  if (headers['content-type'] !== 'application/x-protobuf') throw new Error(`content-type ${headers['content-type']}`);
  return statusType.toObject(statusType.decode(body)) as { code: number; message: string };
}

/** Sends text as it stands and gives all that comes back until the server closes, or `ends` is there. */
export async function rawExchange(port: number, parts: readonly (string | Buffer)[], { end = false, ends }: { readonly end?: boolean; readonly ends?: RegExp } = {}): Promise<string> {
  const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  let said = '';
  const done = new Promise<void>((resolve) => {
    socket.on('data', (chunk: Buffer) => {
      said += chunk.toString('latin1');
      if (ends?.test(said) === true) resolve();
    });
    socket.on('end', () => resolve());
    socket.on('close', () => resolve());
    socket.on('error', () => resolve());
  });
  for (const part of parts) socket.write(part);
  if (end) socket.end();
  await done;
  socket.destroy();
  return said;
}
