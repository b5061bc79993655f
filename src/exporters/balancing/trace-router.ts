import { memberKey, type MemberKey, scoreOf } from './rendezvous.ts';
import { TraceOwners, type TraceOwnersOptions } from './trace-owners.ts';

/** One that traces are sent to. */
export interface Member {
  /** `host:port`. */
  readonly name: string;
  /** Never given again to another one. */
  readonly number: number;
  readonly key: MemberKey;
  /** When it is gone: it has left the list, and gets no new traces. Null while it is in the list; monotonic ms. */
  readonly leavesAtMs: number | null;
  /** It does not answer: its traces go to others. */
  readonly isDown: boolean;
}

/** Traces that go to another member than the one that acknowledged spans of them: it does not answer (down), or has been gone from the list for longer than the hand-over (left). */
export interface TornTraces {
  readonly down: number;
  readonly left: number;
}

const none: readonly Member[] = [];

/** No member can take it. */
export const nobody = -1;

/** An entry of the owners is a member's number with two bits below it: whether that one has acknowledged spans of the trace, and whether another one had, so that the trace is torn. */
const holds = 1;
const isTorn = 2;
const entryOf = (member: number, bits: number): number => member * 4 + bits;

/**
 * Says which member a trace goes to: where its spans went before, as long as that is remembered and the member is there, else by rendezvous hashing over
 * the members of the list. So a member that comes gets new traces alone, and one that leaves gets the rest of its own until it is gone, `rememberMs` later.
 */
export class TraceRouter {
  readonly #options: TraceOwnersOptions;
  readonly #owners: TraceOwners | null;
  readonly #members = new Map<number, Member>();
  /** Those that get new traces, by name. */
  #serving: readonly Member[] = [];
  #nextNumber = 0;
  #nextLeavesAtMs = Infinity;
  #turn = 0;
  #torn = { down: 0, left: 0 };

  /** With `rememberMs` 0 nothing is remembered, and traces go by the list as it is. */
  constructor(options: TraceOwnersOptions) {
    this.#options = options;
    this.#owners = options.rememberMs === 0 ? null : new TraceOwners(options);
  }

  get members(): readonly Member[] {
    return [...this.#members.values()];
  }

  /** The member of a number; undefined where it is gone. */
  member(number: number): Member | undefined {
    return this.#members.get(number);
  }

  get torn(): TornTraces {
    return this.#torn;
  }

  /** What is remembered of traces; null where nothing is. */
  get owners(): Pick<TraceOwners, 'size' | 'byteLength' | 'forgottenEarly'> | null {
    return this.#owners;
  }

  /** The list is this from now on. Those that are not in it any more leave; one that comes back before it is gone stays what it was. */
  setMembers(names: readonly string[], nowMs: number): void {
    const listed = new Set(names);
    for (const member of this.#members.values()) {
      if (listed.delete(member.name)) this.#change(member, { leavesAtMs: null });
      else if (member.leavesAtMs === null) this.#change(member, { leavesAtMs: nowMs + this.#options.rememberMs });
    }
    for (const name of listed) {
      const number = this.#nextNumber++;
      this.#members.set(number, { name, number, key: memberKey(name), leavesAtMs: null, isDown: false });
    }
    this.#serve();
  }

  /** A member answers, or does not. */
  setDown(number: number, isDown: boolean): void {
    const member = this.#members.get(number);
    if (member === undefined) return;
    this.#change(member, { isDown });
    this.#serve();
  }

  /** Time goes on, monotonic ms; the members that are gone by it, each told once. */
  advanceTo(nowMs: number): readonly Member[] {
    this.#owners?.advanceTo(nowMs);
    if (nowMs < this.#nextLeavesAtMs) return none;
    const gone = this.members.filter(({ leavesAtMs }) => leavesAtMs !== null && leavesAtMs <= nowMs);
    for (const { number } of gone) this.#members.delete(number);
    this.#serve();
    return gone;
  }

  /** Number of the member for the trace whose id stands at `ids[at .. at + 4)`; `nobody` where none answers. */
  route(ids: Uint32Array, at: number): number {
    const entry = this.#owners?.touch(ids, at) ?? nobody;
    const owner = entry === nobody ? nobody : entry >>> 2;
    const known = owner === nobody ? undefined : this.#members.get(owner);
    if (known !== undefined && !known.isDown) return owner;
    const best = this.#best(ids, at);
    if (best === nobody) return nobody;
    if (owner !== nobody && (entry & (holds | isTorn)) === holds) this.#torn[known === undefined ? 'left' : 'down']++;
    this.#owners?.set(ids, at, entryOf(best, owner !== nobody && (entry & (holds | isTorn)) !== 0 ? isTorn : 0));
    return best;
  }

  /** A member has acknowledged spans of the trace; it may be another one's by now, since others of its spans were not acknowledged. */
  hold(ids: Uint32Array, at: number, member: number): void {
    const entry = this.#owners?.touch(ids, at) ?? nobody;
    if (entry === nobody) return;
    if (entry >>> 2 === member) {
      if ((entry & holds) === 0) this.#owners?.set(ids, at, entry | holds);
    } else if ((entry & isTorn) === 0) {
      this.#torn.down++;
      this.#owners?.set(ids, at, entry | isTorn);
    }
  }

  /** Members take turns with what belongs to no trace. */
  any(): number {
    return this.#serving.length === 0 ? nobody : this.#serving[this.#turn++ % this.#serving.length].number;
  }

  #best(ids: Uint32Array, at: number): number {
    let [best, bestScore] = [nobody, -1];
    for (const { number, key } of this.#serving) {
      const score = scoreOf(key, ids, at);
      if (score > bestScore) [best, bestScore] = [number, score];
    }
    return best;
  }

  #change(member: Member, change: Partial<Pick<Member, 'leavesAtMs' | 'isDown'>>): void {
    this.#members.set(member.number, { ...member, ...change });
  }

  #serve(): void {
    this.#nextLeavesAtMs = Math.min(...this.members.map(({ leavesAtMs }) => leavesAtMs ?? Infinity));
    this.#serving = this.members.filter(({ leavesAtMs, isDown }) => leavesAtMs === null && !isDown).sort((a, b) => (a.name < b.name ? -1 : 1));
  }
}
