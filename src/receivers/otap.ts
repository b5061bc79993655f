import { CodedError } from '../base/errors.ts';
import type { GrpcServer } from '../grpc/server.ts';
import type { GrpcMessage, ServerCall } from '../grpc/call.ts';
import type { Signal } from '../otap/payload-type.ts';
import { encodeBatchStatus } from '../otap/proto/batch-status.ts';
import { otapPaths } from '../otap/proto/services.ts';
import type { OpenIntakeStream } from '../pipeline/intake-port.ts';
import { AnswerQueue } from './otap-answers.ts';

/** What became of one batch, for counters. */
export interface OtapBatchEvent {
  readonly signal: Signal;
  readonly wireBytes: number;
  /** `ok`, or why it was refused: the status in lower case, or a CodedError's reason. */
  readonly outcome: string;
}

export interface OtapReceiverOptions {
  /** Batches of one stream that the intake holds unanswered; the sender waits beyond that. Default 8. */
  readonly inFlightBatchesMax?: number;
  readonly onBatch?: (event: OtapBatchEvent) => void;
}

/** Adds the three OTAP services to a gRPC server; every stream gets an intake stream of its own. */
export function addOtapReceiver(server: GrpcServer, open: OpenIntakeStream, options: OtapReceiverOptions = {}): void {
  for (const signal of ['traces', 'logs', 'metrics'] as const) {
    server.addStreamMethod(otapPaths[signal], (call) => serveStream(call, signal, open, options));
  }
}

async function serveStream(call: ServerCall, signal: Signal, open: OpenIntakeStream, options: OtapReceiverOptions): Promise<void> {
  const intake = open(signal, call.peer);
  const answers = new AnswerQueue(options.inFlightBatchesMax ?? 8, (status) => call.write(encodeBatchStatus(status)));
  const stopReading = (): void => call.stopReading();
  call.draining.addEventListener('abort', stopReading);
  answers.onFailure(stopReading);
  try {
    if (call.draining.aborted) call.stopReading();
    await readAll(call, (message) => {
      const event = { signal, wireBytes: message.wireBytes };
      answers.add(intake.accept(message), (outcome) => options.onBatch?.({ ...event, outcome }));
      return answers.roomForOne();
    }).finally(() => answers.settled());
    answers.throwFailure();
    if (call.draining.aborted) throw new CodedError('UNAVAILABLE', 'draining', 'the receiver is shutting down');
  } finally {
    call.draining.removeEventListener('abort', stopReading);
    intake.close();
  }
}

async function readAll(call: ServerCall, take: (message: GrpcMessage) => Promise<void>): Promise<void> {
  for (let message = await call.read(); message !== null; message = await call.read()) await take(message);
}
