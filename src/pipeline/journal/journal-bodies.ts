import type { CodedError } from '../../base/errors.ts';
import { readRecords } from '../../storage/read-records.ts';
import type { RecordPlace } from '../../storage/record-log.ts';
import type { HeldBatch } from '../../store/held-batch.ts';
import type { StoredBodies } from '../../store/stored-bodies.ts';
import type { RetainedStore } from '../retained-store.ts';
import type { Journal } from './journal.ts';
import { batchPrefixBytes } from './records.ts';

/** Batches that the journal has leave memory, and are read from its segments, which stay as long as their windows are not delivered. */
export class JournalBodies implements RetainedStore, StoredBodies {
  readonly #journal: Journal;

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  /** The journal itself says what has to be refused. */
  admit(): void {}

  async take(held: HeldBatch): Promise<void> {
    const place = this.#journal.placeOf(held);
    if (place !== null) held.store({ place, bodies: this, release: () => undefined });
  }

  async read(places: readonly RecordPlace[]): Promise<(Uint8Array | CodedError)[]> {
    const { disk, directory } = this.#journal.options;
    const records = await readRecords(disk, directory, places);
    return records.map((record) => (record instanceof Uint8Array ? record.subarray(batchPrefixBytes) : record));
  }
}
