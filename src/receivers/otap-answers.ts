import { CodedError, statusNumbers, type StatusName } from '../base/errors.ts';
import type { BatchStatus } from '../otap/proto/batch-status.ts';
import type { BatchAck, BatchAnswer } from '../pipeline/intake-port.ts';

/** Codes that BatchStatus has no number for, by the nearest that means the same to a sender: come again, or never. */
const otherCodes: Readonly<Partial<Record<StatusName, StatusName>>> = {
  UNKNOWN: 'INTERNAL',
  NOT_FOUND: 'INVALID_ARGUMENT',
  FAILED_PRECONDITION: 'INVALID_ARGUMENT',
  OUT_OF_RANGE: 'INVALID_ARGUMENT',
  UNIMPLEMENTED: 'INVALID_ARGUMENT',
  DATA_LOSS: 'UNAVAILABLE',
};

/**
 * The BatchStatus of an answer (OTAP specification, section 7.1). Whoever is to come again is told UNAVAILABLE: the Collector's otelarrow exporter
 * sends again what was answered RESOURCE_EXHAUSTED only with RetryInfo, as OTLP has it, and a BatchStatus has no place for that.
 */
export function batchStatusOf(batchId: bigint, ack: BatchAck): BatchStatus {
  const mayComeAgain = ack.status === 'RESOURCE_EXHAUSTED' && ack.retryAfterMs !== null;
  const status = mayComeAgain ? 'UNAVAILABLE' : otherCodes[ack.status] ?? ack.status;
  const hint = ack.retryAfterMs === null ? '' : ` (retry after ${Math.ceil(ack.retryAfterMs)} ms)`;
  return { batchId, statusCode: statusNumbers[status], statusMessage: `${ack.message}${hint}`.trim() };
}

/**
 * The batches of one stream that wait for the intake's answer. Each answer goes out as soon as it is there, in whatever
 * order; after the first failure (a broken stream, a message without batch id, a sender that is gone) the others are
 * still awaited and sent, and `throwFailure` says what it was.
 */
export class AnswerQueue {
  readonly #inFlightMax: number;
  readonly #send: (status: BatchStatus) => Promise<void>;
  #inFlight = 0;
  #failure: { readonly error: unknown } | null = null;
  #onFailure: () => void = () => {};
  /** The end of the chain of writes: they go out one at a time. */
  #writes: Promise<void> = Promise.resolve();
  #wake: (() => void) | null = null;

  constructor(inFlightMax: number, send: (status: BatchStatus) => Promise<void>) {
    this.#inFlightMax = inFlightMax;
    this.#send = send;
  }

  /** `react` is called at the first failure: nothing more should be added. */
  onFailure(react: () => void): void {
    this.#onFailure = react;
  }

  /** Takes a batch that was handed to the intake; `settled` hears how it went. */
  add(answer: Promise<BatchAnswer>, settled: (outcome: string) => void): void {
    this.#inFlight++;
    void this.#settle(answer, settled);
  }

  /** Resolves when one more batch may be added. */
  async roomForOne(): Promise<void> {
    while (this.#inFlight >= this.#inFlightMax) await this.#change();
  }

  /** Resolves when every batch is answered, or can no longer be. */
  async settled(): Promise<void> {
    while (this.#inFlight > 0) await this.#change();
  }

  /** Throws the first failure, if there was one. */
  throwFailure(): void {
    if (this.#failure !== null) throw this.#failure.error;
  }

  async #settle(pending: Promise<BatchAnswer>, settled: (outcome: string) => void): Promise<void> {
    try {
      const { batchId, ack, streamBroken } = await answered(pending, settled);
      await this.#write(batchStatusOf(batchId, ack));
      if (streamBroken) throw new CodedError(ack.status, 'stream_broken', ack.message);
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#inFlight--;
      this.#wake?.();
    }
  }

  #write(status: BatchStatus): Promise<void> {
    this.#writes = this.#writes.then(() => this.#send(status));
    return this.#writes;
  }

  #fail(error: unknown): void {
    if (this.#failure !== null) return;
    this.#failure = { error };
    this.#onFailure();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}

/** The answer; tells `settled` what it was, or why there is none. */
async function answered(pending: Promise<BatchAnswer>, settled: (outcome: string) => void): Promise<BatchAnswer> {
  try {
    const answer = await pending;
    settled(answer.ack.status.toLowerCase());
    return answer;
  } catch (error) {
    settled(error instanceof CodedError ? error.reason : 'internal_error');
    throw error;
  }
}
