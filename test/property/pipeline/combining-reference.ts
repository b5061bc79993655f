import fc from 'fast-check';
import type { PolicyMode } from '../../../src/policy/compile/compiled.ts';
import type { PolicyOutcome } from '../../../src/policy/window-policies.ts';
import { reading } from '../../sql/store/projected.ts';

/** Many policies together, decided item by item over BigInts, straight from sampling.md (rules 5 to 8, 14). */

export const one = 2n ** 56n;
export const itemCount = 9;

/** What a policy says of an item: N, and whether on a hash of the item's own. */
export interface Said {
  readonly item: number;
  readonly n: bigint;
  readonly split: boolean;
}

export interface Policy {
  readonly name: string;
  readonly mode: PolicyMode;
  readonly failed: boolean;
  /** At most one for an item and split. */
  readonly said: readonly Said[];
}

export interface Item {
  readonly r: bigint;
  readonly nIn: bigint;
  /** Of the item's own, for splits. */
  readonly hash: bigint;
  readonly spans: number;
}

export interface Case {
  readonly items: readonly Item[];
  readonly policies: readonly Policy[];
  readonly combine: 'union' | 'first_match';
  readonly fallback: bigint;
}

/** Near each other and at their ends. */
const number = fc.oneof(fc.constantFrom(1n, 2n, 2n ** 32n, 2n ** 32n + 1n, 2n ** 55n, one - 1n), fc.bigInt(1n, one));
const n = fc.oneof({ weight: 1, arbitrary: fc.constantFrom(0n, one) }, { weight: 3, arbitrary: number });

/** R is such that the item is there: N_R <= N_in. */
const item = fc.tuple(fc.nat(3), fc.bigInt(1n, one), fc.bigInt(0n, one - 1n), fc.integer({ min: 1, max: 5 })).map(([shift, of, hash, spans]): Item => {
  const nIn = one >> BigInt(shift);
  return { r: one - (1n + (of - 1n) % nIn), nIn, hash, spans };
});

export function cases(hasSplits: boolean): fc.Arbitrary<Case> {
  const said = fc.record({ item: fc.nat(itemCount - 1), n, split: hasSplits ? fc.boolean() : fc.constant(false) });
  const policy = fc.record({
    mode: fc.constantFrom<PolicyMode>('enforce', 'enforce', 'shadow', 'drop'), failed: fc.integer({ min: 0, max: 5 }).map((x) => x === 0),
    said: fc.uniqueArray(said, { maxLength: 12, selector: ({ item: of, split }) => `${of} ${split}` }),
  });
  return fc.record({
    items: fc.array(item, { minLength: itemCount, maxLength: itemCount }),
    policies: fc.array(policy, { minLength: 1, maxLength: 4 }).map((some) => some.map((each, index) => (
      { ...each, name: `p${index}`, said: each.mode === 'drop' ? each.said.map((about) => ({ ...about, split: false })).filter(({ item: of }, at, all) => all.findIndex((other) => other.item === of) === at) : each.said }))),
    combine: fc.constantFrom('union' as const, 'first_match' as const),
    fallback: n,
  });
}

/** What a policy came to by itself on one item. */
interface Own {
  readonly n: bigint;
  /** N that the item's own hash is held against, 0 for none. */
  readonly split: bigint;
  readonly kept: boolean;
  readonly count: number;
}

const least = (...values: readonly bigint[]): bigint => values.reduce((a, b) => (b < a ? b : a));
const most = (values: readonly bigint[]): bigint => values.reduce((a, b) => (b > a ? b : a), 0n);

export function ceilingOf({ policies }: Case, index: number): bigint {
  return least(one, ...policies.filter(({ mode, failed }) => mode === 'drop' && !failed).flatMap(({ said }) => said.filter(({ item: of }) => of === index).map((about) => about.n)));
}

function saidOf(given: Case, policy: Policy, index: number): readonly Said[] {
  if (!policy.failed) return policy.said.filter(({ item: of }) => of === index);
  return policy.mode === 'enforce' && ceilingOf(given, index) > 0n ? [{ item: index, n: given.fallback, split: false }] : [];
}

/** Null where the policy does not name the item, or another had it before. */
export function ownOf(given: Case, place: number, index: number): Own | null {
  const policy = given.policies[place];
  const said = saidOf(given, policy, index);
  const isLate = given.combine === 'first_match' && policy.mode === 'enforce'
    && given.policies.slice(0, place).some((earlier) => earlier.mode === 'enforce' && saidOf(given, earlier, index).length > 0);
  if (said.length === 0 || isLate) return null;
  const { r, nIn, hash } = given.items[index];
  const ceiling = policy.mode === 'drop' ? one : ceilingOf(given, index);
  const own = least(most(said.filter(({ split }) => !split).map((about) => about.n)), ceiling);
  const q = most(said.filter(({ split }) => split).map((about) => about.n));
  const share = ceiling === one || ceiling === 0n ? q : BigInt(Math.floor(Math.min(1, Number(q) / Number(ceiling)) * 2 ** 56));
  const split = ceiling === 0n || r < one - ceiling ? 0n : share;
  const reaches = r >= one - own;
  const isKept = reaches || (split > 0n && hash >= one - split);
  if (split === 0n) return { n: own, split, kept: isKept, count: isKept ? 2 ** 56 / Number(least(own, nIn)) : 0 };
  const before = 2 ** 56 / Number(least(nIn, ceiling));
  return { n: own, split, kept: isKept, count: !isKept ? 0 : reaches ? before : (before * 2 ** 56) / Number(split) };
}

export interface Decided {
  readonly kept: readonly { readonly item: number; readonly n: bigint; readonly split: bigint; readonly why: string | null }[];
  readonly counts: readonly { readonly name: string; readonly named: number; readonly keptUnits: number; readonly kept: number; readonly estimate: number; readonly marginal: number; readonly failed: boolean }[];
}

/** `kept` holds items that R or a hash of their own may keep; those that only a hash could keep, and does not, have no `why`. */
export function decided(given: Case): Decided {
  const owns = given.policies.map((_, place) => given.items.map((__, index) => ownOf(given, place, index)));
  const enforced = given.policies.flatMap(({ mode }, place) => (mode === 'enforce' ? [place] : []));
  const keepers = given.items.map((_, index) => enforced.filter((place) => owns[place][index]?.kept === true));
  const kept = given.items.flatMap(({ r }, index) => {
    const all = enforced.flatMap((place) => owns[place][index] ?? []);
    const [own, split] = [most(all.map((each) => each.n)), most(all.map((each) => each.split))];
    if (split === 0n && r < one - own) return [];
    const why = [...new Set(keepers[index].map((place) => (given.policies[place].failed ? 'fallback' : given.policies[place].name)))].join(',');
    return own === 0n && split === 0n ? [] : [{ item: index, n: own, split, why: why === '' ? null : why }];
  });
  const counts = given.policies.map(({ name, mode, failed }, place) => {
    const mine = owns[place].flatMap((own, index) => (own === null ? [] : [{ ...own, index, spans: given.items[index].spans }]));
    const isEnforced = mode === 'enforce' ? 1 : 0;
    const sum = (of: readonly number[]): number => of.reduce((a, b) => a + b, 0);
    const ours = mine.filter((own) => own.kept);
    const alone = ours.filter(({ index }) => mode !== 'drop' && keepers[index].length === isEnforced);
    return {
      name, named: mine.length, keptUnits: ours.length, kept: sum(ours.map(({ spans }) => spans)),
      estimate: sum(ours.map(({ spans, count }) => spans * count)), marginal: sum(alone.map(({ spans }) => spans)), failed,
    };
  });
  return { kept, counts };
}

/** The outcome that a policy's run would have, with keys as `keyOf` writes them. */
export function outcomeOf(policy: Policy, hasSplits: boolean, keyKind: 'trace_id' | 'id', keyOf: (item: number) => readonly number[]): PolicyOutcome {
  const compiled = { ...reading(keyKind === 'id' ? 'logs' : 'traces', []), name: policy.name, mode: policy.mode, keyKind, hasSplit: hasSplits };
  if (policy.failed) return { policy: compiled, picks: null, error: new Error('it failed'), elapsedMs: 1, history: null };
  const { said } = policy;
  return {
    policy: compiled, error: null, elapsedMs: 1, history: null,
    picks: {
      count: said.length, keyBytes: new Uint8Array(Uint32Array.from(said.flatMap((about) => keyOf(about.item))).buffer),
      n: BigUint64Array.from(said, (about) => about.n),
      split: hasSplits && policy.mode !== 'drop' ? Uint8Array.from(said, ({ split }) => (split ? 1 : 0)) : null,
    },
  };
}

export function words(n56: bigint): [number, number] {
  return [Number(n56 & 0xffffffffn), Number(n56 >> 32n)];
}
