import { isSameTrace } from '../../pipeline/trace-id-runs.ts';
import type { BatchTraceIds } from './trace-ids.ts';
import type { TraceRouter } from './trace-router.ts';

/** Rows of a batch that go to one member, in their order; `member` may be `nobody`. */
export interface Part {
  readonly member: number;
  readonly rows: Uint32Array;
}

/** Shares rows of a batch out. Those of no trace go to one member together, which is another one each time. */
export function partsOf(ids: BatchTraceIds | null, rows: Uint32Array, router: Pick<TraceRouter, 'route' | 'any'>): readonly Part[] {
  const members = new Int32Array(rows.length);
  const counts = new Map<number, number>();
  let any: number | null = null;
  for (let from = 0; from < rows.length; ) {
    const to = endOfRun(ids, rows, from);
    const isOfTrace = ids !== null && ids.has[rows[from]] === 1;
    const member = isOfTrace ? router.route(ids.words, rows[from] * 4) : any ??= router.any();
    members.fill(member, from, to);
    counts.set(member, (counts.get(member) ?? 0) + to - from);
    from = to;
  }
  return gathered(members, counts, rows);
}

/** The member has acknowledged these rows. */
export function holdPart(ids: BatchTraceIds | null, { member, rows }: Part, router: Pick<TraceRouter, 'hold'>): void {
  for (let from = 0; ids !== null && from < rows.length; from = endOfRun(ids, rows, from)) {
    if (ids.has[rows[from]] === 1) router.hold(ids.words, rows[from] * 4, member);
  }
}

/** Rows of one trace often stand together, and all of no trace go together. */
function endOfRun(ids: BatchTraceIds | null, rows: Uint32Array, from: number): number {
  if (ids === null) return rows.length;
  let to = from + 1;
  while (to < rows.length && ids.has[rows[to]] === ids.has[rows[from]] && (ids.has[rows[to]] === 0 || isSameTrace(ids.words, rows[from], rows[to]))) to++;
  return to;
}

function gathered(members: Int32Array, counts: ReadonlyMap<number, number>, rows: Uint32Array): readonly Part[] {
  if (counts.size === 1) return [...counts.keys()].map((member) => ({ member, rows }));
  const parts = new Map([...counts].map(([member, count]) => [member, { rows: new Uint32Array(count), length: 0 }]));
  for (let index = 0; index < rows.length; index++) {
    const part = parts.get(members[index]);
    if (part !== undefined) part.rows[part.length++] = rows[index];
  }
  return [...parts].map(([member, part]) => ({ member, rows: part.rows }));
}
