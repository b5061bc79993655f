import type { HeldBatch } from '../store/held-batch.ts';

/** Where the serialised forms of batches that wait are kept on the disk, so that memory holds no more than where they lie. */
export interface RetainedStore {
  /** Before a batch of about `bytes` is taken. Throws RESOURCE_EXHAUSTED where it has to be refused. */
  admit(bytes: number): void;
  /** A batch is in windows: from now on it may leave memory. Resolves at once, unless too much waits to be written; never rejects. */
  take(held: HeldBatch): Promise<void>;
}
