import type { BufferSource } from '../base/buffer-source.ts';
import { CodedError, messageOf } from '../base/errors.ts';
import type { Seam } from '../base/seam.ts';
import type { OtapBatch } from '../otap/batch.ts';
import type { Signal } from '../otap/payload-type.ts';
import type { HeldBatch, HeldBytes } from '../store/held-batch.ts';
import type { WithoutThreshold } from '../store/retained-batch.ts';
import type { Journal, StreamPlace } from './journal/journal.ts';
import type { BatchAck } from './intake-port.ts';
import type { MemoryBudget } from './memory-budget.ts';
import type { RetainedStore } from './retained-store.ts';
import type { PassThroughs } from './pass-through.ts';
import type { SignalIntake, TakenRows } from './signal-intake.ts';

/** Told what the intake did; counts, and nothing else. */
export interface IntakeObserver {
  accepted(signal: Signal, batch: { readonly receiver: string; readonly items: number; readonly wireBytes: number; readonly taken: TakenRows | null }): void;
  refused(signal: Signal, error: CodedError, receiver: string): void;
}

/** Whose randomness a log record has: its trace's, so that a trace's records stay together, or its own (sampling.md, rule 14). */
export type LogRandomness = 'trace' | 'record';

/** How what comes over one stream, or to one receiver, is read. */
export interface StreamReading {
  /** What counters call the receiver; by default what it speaks, `otap` or `otlp`. */
  readonly receiver?: string;
  /** How items are read that say nothing of sampling; unsampled by default. */
  readonly withoutThreshold?: WithoutThreshold;
  /**
   * `all` (default): every value is checked before a batch is acknowledged. `read`: only what is read on the way; bad values elsewhere
   * are found when their item is rebuilt, and cost it.
   */
  readonly validate?: 'all' | 'read';
}

export interface TakerParts {
  readonly seam: Seam;
  readonly budget: MemoryBudget;
  /** When a sender that found no room should come again, ms. */
  readonly retryAfterMs: () => number;
  readonly account: HeldBytes;
  readonly traces: SignalIntake;
  readonly logs: SignalIntake;
  /** Signals that go on as they are: metrics always. */
  readonly passThrough: PassThroughs;
  readonly observer: IntakeObserver;
  readonly logRandomness: LogRandomness;
  /** Where batches are logged before they are acknowledged; left out where they are not. */
  readonly journal?: Journal | null;
  /** Where batches leave memory to; left out where they stay. */
  readonly retained?: RetainedStore | null;
}

/** What a batch is counted by. */
export interface Arrival {
  readonly receiver: string;
  readonly wireBytes: number;
  /** Where its stream stands in the log; left out for what has no stream. */
  readonly place?: StreamPlace;
}

/** Puts decoded batches of any form into windows, and says what came of those that cannot be taken. */
export class BatchTaker {
  readonly #parts: TakerParts;
  #batchOrdinal: number;

  constructor(parts: TakerParts) {
    this.#parts = parts;
    this.#batchOrdinal = parts.seam.firstBatchOrdinal;
  }

  /** Batches from here on have greater ordinals than this one. */
  startAfter(ordinal: number): void {
    this.#batchOrdinal = Math.max(this.#batchOrdinal, ordinal + 1);
  }

  /** Whether items of a signal go on as they come, and are not held. */
  passes(signal: Signal): boolean {
    return this.#parts.passThrough[signal] !== undefined;
  }

  /**
   * Takes all items of a batch. `retain` makes the form in which it is held, of its ordinal and arrival; it is not called for what passes, which is not
   * held; `memory` is for what is read of it on the way. Throws what reading throws, and RESOURCE_EXHAUSTED / memory_limit, or larger_than_memory where coming again is of no use; then none of its items is taken.
   */
  async take(batch: OtapBatch, arrival: Arrival, memory: BufferSource, retain: (ordinal: number, arrivalUnixNano: bigint, ownRandomness: boolean, account: HeldBytes) => HeldBatch): Promise<void> {
    const { budget, seam, observer, passThrough, account, logRandomness } = this.#parts;
    if (!budget.hasRoom(arrival.wireBytes)) throw this.full(arrival.wireBytes);
    const { signal, rowCount: items } = batch;
    if (signal === 'metrics' || this.passes(signal)) {
      await passThrough[signal]?.(batch);
      observer.accepted(signal, { ...arrival, items, taken: null });
      return;
    }
    const { journal = null, retained = null } = this.#parts;
    journal?.admit(arrival.wireBytes);
    retained?.admit(arrival.wireBytes);
    if (journal !== null && arrival.place === undefined) journal.rollWhenFull();
    const arrivalNano = seam.nowUnixNano();
    const held = retain(this.#batchOrdinal++, arrivalNano, signal === 'logs' && logRandomness === 'record', account);
    journal?.batch(held, arrivalNano, arrival.place ?? null);
    const taking = this.#parts[signal].take(batch, held, arrivalNano, memory);
    const taken = journal === null ? await taking : await durable(journal, held, taking);
    if (retained !== null) await retained.take(held);
    observer.accepted(signal, { ...arrival, items, taken });
  }

  /** What a sender is told where there is no room for `bytes`: to come again, but for what would never fit. */
  full(bytes: number): CodedError {
    if (!this.#parts.budget.couldHold(bytes)) {
      return new CodedError('RESOURCE_EXHAUSTED', 'larger_than_memory', `a request of ${bytes} bytes never fits into memory.limit: send smaller ones, or raise it`);
    }
    return new CodedError('RESOURCE_EXHAUSTED', 'memory_limit', 'the intake is full; come again later', { retryAfterMs: this.#parts.retryAfterMs() });
  }

  /** Counts what was not taken, and says it in the sender's terms. */
  refusal(signal: Signal, error: unknown, receiver: string): BatchAck {
    const coded = error instanceof CodedError ? error : new CodedError('INTERNAL', 'intake_failed', messageOf(error), { cause: error });
    this.#parts.observer.refused(signal, coded, receiver);
    return { status: coded.status, message: coded.message, retryAfterMs: coded.retryAfterMs };
  }
}

/** What came of taking a batch, once it is durable. */
async function durable<T>(journal: Journal, held: HeldBatch, taking: Promise<T>): Promise<T> {
  const taken = await taking.catch(async (error: unknown) => {
    await journal.settled(held).catch(() => undefined);
    throw error;
  });
  await journal.settled(held);
  return taken;
}
