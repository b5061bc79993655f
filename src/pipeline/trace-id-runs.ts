import { traceIdWords } from '../policy/trace-id-table.ts';

/** Whether two rows have one trace id; `ids` holds four words a row. */
export function isSameTrace(ids: Uint32Array, row: number, other: number): boolean {
  const [a, b] = [row * traceIdWords, other * traceIdWords];
  return ids[a] === ids[b] && ids[a + 1] === ids[b + 1] && ids[a + 2] === ids[b + 2] && ids[a + 3] === ids[b + 3];
}

/** Rows of a batch, and four words of a trace id for each that they number. */
export interface RowIds {
  readonly rows: Uint32Array;
  readonly traceIds: Uint32Array;
}
