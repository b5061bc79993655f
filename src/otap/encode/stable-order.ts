const digitBits = 11;
const buckets = 1 << digitBits;

/** The identity order of `count` rows. */
export function identityOrder(count: number): Uint32Array {
  const order = new Uint32Array(count);
  for (let row = 0; row < count; row++) order[row] = row;
  return order;
}

/**
 * `order` sorted by keys[row], stably: rows of equal keys keep their places. Radix sort from the least significant digit, so
 * that sorting by several keys is sorting by the last one first. `order` is overwritten.
 */
export function sortBy(order: Uint32Array, keys: Uint32Array): Uint32Array {
  let from = order;
  if (isSorted(from, keys)) return from;
  let to: Uint32Array = new Uint32Array(order.length);
  const keyMax = maximum(keys);
  const counts = new Uint32Array(buckets);
  for (let shift = 0; shift < 32 && keyMax >>> shift > 0; shift += digitBits) {
    counts.fill(0);
    for (let index = 0; index < from.length; index++) counts[(keys[from[index]] >>> shift) & (buckets - 1)]++;
    for (let digit = 0, start = 0; digit < buckets; digit++) {
      const count = counts[digit];
      counts[digit] = start;
      start += count;
    }
    for (let index = 0; index < from.length; index++) {
      const row = from[index];
      to[counts[(keys[row] >>> shift) & (buckets - 1)]++] = row;
    }
    [from, to] = [to, from];
  }
  return from;
}

/** Where each row goes: position[order[i]] = i. */
export function positionsOf(order: Uint32Array): Uint32Array {
  const positions = new Uint32Array(order.length);
  for (let index = 0; index < order.length; index++) positions[order[index]] = index;
  return positions;
}

function isSorted(order: Uint32Array, keys: Uint32Array): boolean {
  for (let index = 1; index < order.length; index++) if (keys[order[index]] < keys[order[index - 1]]) return false;
  return true;
}

function maximum(keys: Uint32Array): number {
  let result = 0;
  for (let index = 0; index < keys.length; index++) if (keys[index] > result) result = keys[index];
  return result;
}
