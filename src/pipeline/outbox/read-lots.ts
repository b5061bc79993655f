import type { DecodeLimits } from '../../otap/decode/limits.ts';
import { scanSegment } from '../../storage/scan-segment.ts';
import type { HeldBatch, HeldBytes } from '../../store/held-batch.ts';
import { readRetainedHeader } from '../../store/retained-batch.ts';
import { BatchReader } from '../journal/batch-reader.ts';
import { decodeDecided, keptOf, type LoggedRows, readHead } from '../journal/decided-record.ts';
import type { JournalOptions } from '../journal/journal.ts';
import { recordKinds } from '../journal/records.ts';
import type { KeepReasons } from '../keep-reasons.ts';
import type { KeptRows } from '../kept-rows.ts';
import { isLogged, type LotPlace, type LotRecord } from './lot.ts';

export interface LotReading {
  readonly journal: JournalOptions;
  readonly account: HeldBytes;
  readonly decodeLimits: Partial<DecodeLimits>;
  readonly hashSeed: number;
  /** Codes of the reasons that rows are written with. */
  readonly reasons: KeepReasons | null;
  readonly monotonicMs: () => number;
}

/** Lots in memory again. */
export interface ReadLots {
  /** One for each place; `missing` rows are not in the journal any more. */
  readonly lots: readonly { readonly kept: readonly KeptRows[]; readonly missing: number }[];
  /** Lets go of their batches. */
  release(): void;
}

/** After how much reading other work gets its turn. */
const turnMs = 8;
/** The second word of a batch record's body is the retained batch's (records.ts). */
const sequenceBytes = 4;

/** Reads lots back from the journal: first what is kept of each, then, segment by segment, the batches that this names. Throws what the disk throws. */
export async function readLots(reading: LotReading, places: readonly LotPlace[]): Promise<ReadLots> {
  const logged = await loggedOf(reading, places);
  const wanted = new Set(logged.flatMap((rows) => rows.map(({ ordinal }) => ordinal)));
  const batches = new Map<number, HeldBatch>();
  const release = (): void => batches.forEach((batch) => batch.release());
  try {
    const last = Math.max(...places.map((place) => place.last));
    for (let segment = Math.min(...places.map(({ first }) => first)); segment <= last && batches.size < wanted.size; segment++) {
      await readBatches(reading, segment, wanted, batches);
    }
    return { lots: logged.map((rows) => keptOf(rows, batches)), release };
  } catch (error) {
    release();
    throw error;
  }
}

/** What is kept of each lot; of one whose record is gone, nothing. */
async function loggedOf(reading: LotReading, places: readonly LotPlace[]): Promise<(readonly LoggedRows[])[]> {
  const found = new Map<LotRecord, readonly LoggedRows[]>();
  const records = places.flatMap(({ signal, kept }) => (isLogged(kept) ? [{ signal, kept }] : []));
  for (const segment of new Set(records.map(({ kept }) => kept.segment))) {
    const { disk, directory } = reading.journal;
    for await (const record of scanSegment(disk, directory, segment, (kind) => kind === recordKinds.decided || kind === recordKinds.early)) {
      const { head } = readHead(record.body);
      const match = records.find(({ signal, kept }) => signal === head.signal && kept.segment === segment && kept.slot === head.slot
        && (record.kind === recordKinds.early ? String(kept.earlyAtUnixNano) === head.at : kept.earlyAtUnixNano === undefined));
      if (match !== undefined) found.set(match.kept, decodeDecided(record.body, reading.reasons).kept);
    }
  }
  return places.map(({ kept }) => (isLogged(kept) ? found.get(kept) ?? [] : kept));
}

/** Adds the batches of a segment that are wanted, each held. Batches that cannot be read are left out, and those that are there already. */
async function readBatches(reading: LotReading, segment: number, wanted: ReadonlySet<number>, batches: Map<number, HeldBatch>): Promise<void> {
  const { journal, account, decodeLimits, hashSeed, monotonicMs } = reading;
  const reader = new BatchReader(account, decodeLimits, hashSeed);
  let turnStartMs = monotonicMs();
  for await (const { body } of scanSegment(journal.disk, journal.directory, segment, (kind, start) => kind === recordKinds.batch && isWanted(start, wanted))) {
    const held = readWanted(reader, body, wanted);
    if (held !== null && !batches.has(held.ordinal)) {
      held.hold();
      batches.set(held.ordinal, held);
    }
    if (batches.size === wanted.size) return;
    if (monotonicMs() - turnStartMs < turnMs) continue;
    await new Promise<void>((resolve) => setImmediate(resolve));
    turnStartMs = monotonicMs();
  }
}

/** By the beginning of a batch record, which may be damaged. Of streams all batches are read, since one needs what those before say. */
function isWanted(start: Uint8Array, wanted: ReadonlySet<number>): boolean {
  try {
    const { isOtlp, batchOrdinal } = readRetainedHeader(start.subarray(sequenceBytes));
    return isOtlp !== true || wanted.has(batchOrdinal);
  } catch {
    return true;
  }
}

/** Null for what is not wanted, or cannot be read. */
function readWanted(reader: BatchReader, body: Uint8Array, wanted: ReadonlySet<number>): HeldBatch | null {
  try {
    const held = reader.read(body)?.held ?? null;
    return held !== null && wanted.has(held.ordinal) ? held : null;
  } catch {
    return null;
  }
}
