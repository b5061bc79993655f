import type { PolicyOutcome } from '../../policy/window-policies.ts';
import { writeUuid } from '../../store/field-readers.ts';

/** What one policy said of one item. */
export interface Said {
  readonly policy: string;
  readonly mode: 'enforce' | 'shadow' | 'drop';
  /** N of the probability that it named the item with (of several the one that holds), null where it did not name it. */
  readonly n: bigint | null;
  /** N of the probability that a hash of its own is held against, where the item's unit is larger than a sample (rule 14). */
  readonly splitN: bigint | null;
  /** Why the policy failed, null where it did not. */
  readonly error: string | null;
}

/** Who an item is to policies: its trace id (16 bytes), and its randomness in two words. */
export interface Identity {
  readonly traceId: Uint8Array | null;
  readonly rLow: number;
  readonly rHigh: number;
}

/** What the policies of a window said of an item. Keys that are ids carry the randomness, and are recognised by it. */
export function namedAs(outcomes: readonly PolicyOutcome[], item: Identity, messageOf: (error: unknown) => string): readonly Said[] {
  return outcomes.map((outcome) => {
    const { policy, picks, error } = outcome;
    const own = { policy: policy.name, mode: policy.mode };
    if (picks === null) return { ...own, n: null, splitN: null, error: messageOf(error) };
    const isIt = matcher(outcome, item);
    const found: { n: bigint | null; splitN: bigint | null } = { n: null, splitN: null };
    for (let entry = 0; entry < picks.count; entry++) {
      if (!isIt(entry)) continue;
      const key = picks.split?.[entry] === 1 ? 'splitN' : 'n';
      found[key] = chosen(found[key], picks.n[entry], policy.mode === 'drop');
    }
    return { ...own, ...found, error: null };
  });
}

function chosen(known: bigint | null, n: bigint, takesLeast: boolean): bigint {
  if (known === null) return n;
  return takesLeast === n < known ? n : known;
}

function matcher({ policy, picks }: PolicyOutcome, { traceId, rLow, rHigh }: Identity): (entry: number) => boolean {
  const keys = picks === null ? new Uint32Array() : new Uint32Array(picks.keyBytes.buffer, picks.keyBytes.byteOffset, picks.count * 4);
  if (policy.keyKind === 'id') return (entry) => keys[entry * 4 + 2] === rLow && keys[entry * 4 + 3] === rHigh;
  if (traceId === null) return () => false;
  const wanted = new Uint32Array(4);
  writeUuid(wanted, 0, traceId, 0);
  return (entry) => wanted.every((word, index) => keys[entry * 4 + index] === word);
}
