/**
 * N of an item that was there with probability N_in / 2^56 and whose own randomness says nothing of it: u_fresh * N_in, rounded up, at least 1, so
 * that u is uniform on (0, p_in] (sampling.md, rule 3). `fresh` is u_fresh in (0, 1], `within` N_in; both and the result are doubles.
 */
export function drawnWithin(fresh: number, within: number): number {
  return Math.max(1, Math.min(Math.ceil(fresh * within), within));
}
