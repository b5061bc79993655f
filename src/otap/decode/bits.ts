/** Bit `row` of an Arrow bitmap. */
export function bit(bitmap: Uint8Array, row: number): boolean {
  return (bitmap[row >>> 3] & (1 << (row & 7))) !== 0;
}

/** True where the row is not null. */
export function isValid(validity: Uint8Array | null, row: number): boolean {
  return validity === null || (validity[row >>> 3] & (1 << (row & 7))) !== 0;
}
