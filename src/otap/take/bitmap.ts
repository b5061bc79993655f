/** How many of rows[0, count) are null. */
export function countNulls(bitmap: Uint8Array | null, rows: Uint32Array, count: number): number {
  if (bitmap === null) return 0;
  let valid = 0;
  for (let index = 0; index < count; index++) {
    const row = rows[index];
    valid += (bitmap[row >>> 3] >>> (row & 7)) & 1;
  }
  return count - valid;
}
