import { createHash } from 'node:crypto';

/** What stands for a member in its scores: 64 bits of a hash of its name, in two words. */
export interface MemberKey {
  readonly low: number;
  readonly high: number;
}

/** The same for a name wherever it is made, so that balancers which never talk send a trace to the same member. */
export function memberKey(name: string): MemberKey {
  const digest = createHash('sha256').update(name).digest();
  return { low: digest.readUInt32LE(0), high: digest.readUInt32LE(4) };
}

/**
 * The score, 32 bits, of a member for the trace id at `ids[at .. at + 4)`. A trace belongs to the member with the greatest: highest random weight, or
 * rendezvous hashing (Thaler and Ravishankar, "Using name-based mappings to increase hit rates", 1998). When a member comes, it takes its share from
 * all others and nothing else moves; when one goes, only its own traces do.
 */
export function scoreOf({ low, high }: MemberKey, ids: Uint32Array, at: number): number {
  return mixed(mixed(mixed(mixed(mixed(low ^ ids[at]) ^ ids[at + 1]) ^ high) ^ ids[at + 2]) ^ ids[at + 3]) >>> 0;
}

/** A bijection of 32 bits in which each bit of the input changes about half of the output's (C. Wellons, lowbias32). */
function mixed(word: number): number {
  let h = Math.imul(word ^ (word >>> 16), 0x7feb352d);
  h = Math.imul(h ^ (h >>> 15), 0x846ca68b);
  return h ^ (h >>> 16);
}
