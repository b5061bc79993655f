import type { CodedError } from '../base/errors.ts';
import type { RecordPlace } from '../storage/record-log.ts';

/** Reads serialised forms of batches back. */
export interface StoredBodies {
  /** Those at `places`, all of one segment and ascending; an error in the place of each that cannot be read. */
  read(places: readonly RecordPlace[]): Promise<(Uint8Array | CodedError)[]>;
}

/** Where the serialised form of one batch lies on the disk. */
export interface StoredBody {
  readonly place: RecordPlace;
  readonly bodies: StoredBodies;
  /** Nobody will read it any more. */
  release(): void;
}
