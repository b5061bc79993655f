import type { PolicyOutcome, PolicyRunner } from '../policy/window-policies.ts';
import type { KeyedHash } from '../sampling/keyed-hash.ts';
import type { Session } from '../store/duckdb.ts';
import type { CertificateDetail, CertificateLine } from './certificate.ts';
import type { Combining } from './combining.ts';
import type { RowsOfBatch } from './dropped-rows.ts';
import type { HeadTelling } from './head-counts.ts';
import type { KeptRows } from './kept-rows.ts';
import type { KeptTraces } from './kept-traces.ts';
import type { Journal } from './journal/journal.ts';
import type { PolicyCounts } from './policy-counts.ts';
import type { RandomnessCounts } from './randomness-watch.ts';
import type { ServiceCounts } from './service-counts.ts';
import type { RootSays } from './root-inputs.ts';
import type { SlotRing } from './slot-ring.ts';

/** What came of a closed window. */
export interface WindowDecision {
  readonly slot: number;
  readonly items: number;
  /** What the items stand for: the sum of the input's adjusted counts. */
  readonly truth: number;
  readonly services: readonly ServiceCounts[];
  /** Traces whose spans came with different probabilities (sampling.md, rule 11); left out for logs. */
  readonly mixedTraces?: number;
  /** Traces that were decided with the window, and not before; left out for logs, and where no query says. */
  readonly traces?: number;
  /** Rows beside `items` that stress relief dropped at close, since its threshold rose after they came; left out where there are none. */
  readonly shedRows?: number;
  readonly kept: readonly KeptRows[];
  /** Rows that came while it was decided and go with it, beside those of its slot; left out for logs. */
  readonly followers?: readonly RowsOfBatch[];
  /** In the order of the policies, whatever their mode. */
  readonly outcomes: readonly PolicyOutcome[];
  /** One for each outcome; none where the engine itself failed. */
  readonly policies: readonly PolicyCounts[];
  /** Truth against estimate; none where certificates are off, and where the fallback had a say. */
  readonly certificate: readonly CertificateLine[];
  /** How the randomness of traces lies that came as unsampled; left out where certificates are off, and for logs. */
  readonly randomness?: readonly RandomnessCounts[];
  /** Resolves when the decision is durable, with the journal's segment, before which nothing of it is sent; with null where it cannot be; left out where nothing is logged. */
  readonly logged?: Promise<number | null>;
  /** Lets go of the window's data; to be called once what is kept was taken. */
  release(): Promise<void>;
}

/** How rows leave where a policy failed: N of the probability that all its items get. */
export interface Fallback {
  readonly n: bigint;
}

/** What windows of both signals are decided with. */
export interface DeciderParts {
  readonly engine: Session;
  readonly ring: SlotRing;
  readonly runner: PolicyRunner;
  readonly fallback: Fallback;
  /** Has the key that rows are hashed with where they are kept by a hash of their own. */
  readonly hash: KeyedHash;
  readonly combining: Combining;
  /** What policies of logs may know of traces; null where nobody asks. */
  readonly keptTraces: KeptTraces | null;
  /** How finely windows certify themselves; null: not at all. */
  readonly certificate: CertificateDetail | null;
  /** Where decisions are logged; left out where they are not. */
  readonly journal?: Journal | null;
  readonly nowUnixNano?: () => bigint;
  /** Who is told of windows of traces, to tell senders how much is needed; null or left out where nobody is. */
  readonly head?: HeadTelling | null;
  /** How the root of a trace is heard on what its spans came with (root-inputs.ts); null or left out: not at all. */
  readonly rootSays?: RootSays | null;
}
