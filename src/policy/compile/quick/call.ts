import { columnParts, constantOf, constantText, isNode, type Node, nodesOf, textOf } from '../sql-tree.ts';
import { argumentsOf, kindOf, limitMax, type Sample } from './sample.ts';
import type { RowSource } from './source.ts';

/** A call that can be run the quick way. */
export interface QuickCall {
  readonly sample: Sample;
  readonly item: Node;
  readonly weight: Node | null;
  readonly size: Node | null;
  /** Arguments after those: the keys of a row form. */
  readonly rest: readonly Node[];
}

const oversizes = ['split', 'keep', 'drop'] as const;

/** The call in its parts; null where it is not one of a sampling function, or not plain. */
export function quickCall(call: Node, source: RowSource): QuickCall | null {
  const kind = kindOf(textOf(call['function_name']));
  if (kind === null || call['class'] !== 'FUNCTION' || !isPlainCall(call)) return null;
  const children = nodesOf(call['children']);
  const given = children.filter(({ alias }) => textOf(alias) === '');
  const options = children.filter(({ alias }) => textOf(alias) !== '');
  const count = argumentsOf(kind);
  const own = given.slice(0, count);
  const limit = constantOf(own.at(-1))?.value;
  const oversize = options.length === 0 ? 'split' : oversizes.find((name) => name === constantText(options[0]));
  if (own.length < count || options.length > 1 || options.some(({ alias }) => textOf(alias).toLowerCase() !== 'oversize') || oversize === undefined) return null;
  if (typeof limit !== 'number' || !Number.isInteger(limit) || limit < 1 || limit > limitMax(kind)) return null;
  const item = itemOf(own[0], source);
  if (item === null) return null;
  const weight = kind.isWeighted ? own[1] : null;
  const isByCount = source.isView && weight !== null && columnParts(weight)?.at(-1)?.toLowerCase() === 'adjusted_count';
  return {
    sample: { ...kind, ...item, limit, oversize, isByCount },
    item: own[0], weight, size: kind.isSized ? own[count - 2] : null, rest: given.slice(count),
  };
}

/** The view's column `item`, or the `id` of spans and logs. */
function itemOf(item: Node, { view, isView }: RowSource): Pick<Sample, 'isId' | 'keyName'> | null {
  const name = columnParts(item)?.at(-1)?.toLowerCase();
  const keyName = view === 'traces' ? 'trace_id' : 'id';
  if (name === 'item') return { isId: false, keyName };
  return name === 'id' && keyName === 'id' && isView ? { isId: true, keyName } : null;
}

function isPlainCall(call: Node): boolean {
  const orders = call['order_bys'];
  return call['filter'] === null && call['distinct'] === false && !(isNode(orders) && nodesOf(orders['orders']).length > 0);
}
