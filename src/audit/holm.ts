/**
 * Adjusted p-values of a family of tests, in the order given: rejecting those below a level keeps the chance of one false
 * rejection among all of them at that level, however the tests depend on each other (S. Holm, Scand. J. Statistics 6, 1979).
 */
export function holm(pValues: readonly number[]): number[] {
  const order = pValues.map((_, index) => index).sort((a, b) => pValues[a] - pValues[b]);
  const adjusted = new Array<number>(pValues.length).fill(1);
  let greatest = 0;
  order.forEach((index, rank) => {
    greatest = Math.max(greatest, Math.min(1, pValues[index] * (pValues.length - rank)));
    adjusted[index] = greatest;
  });
  return adjusted;
}
