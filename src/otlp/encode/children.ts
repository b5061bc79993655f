/** Rows by what they belong to: those of owner i are rows[starts[i], starts[i + 1]), in the order in which they came. */
export interface Children {
  readonly starts: Uint32Array;
  readonly rows: Uint32Array;
}

/** Counting sort of rows by `owners`, whose values are below `ownerCount`. */
export function childrenOf(owners: Uint32Array, ownerCount: number): Children {
  const starts = new Uint32Array(ownerCount + 1);
  for (let row = 0; row < owners.length; row++) starts[owners[row] + 1]++;
  for (let owner = 0; owner < ownerCount; owner++) starts[owner + 1] += starts[owner];
  const next = starts.slice();
  const rows = new Uint32Array(owners.length);
  for (let row = 0; row < owners.length; row++) rows[next[owners[row]]++] = row;
  return { starts, rows };
}
