import { expect, test } from 'vitest';
import { UnitTotal } from '../../../src/authoring/diff/estimate.ts';
import { exactly, meets } from '../../../src/authoring/test-file/tolerance.ts';

const z95 = 1.959963984540054;

/** Kept items of one unit as (a_in, q); each leaves with a_in / q. */
function varianceOf(...units: readonly (readonly (readonly [number, number])[])[]): number {
  const total = new UnitTotal();
  units.forEach((unit, number) => unit.forEach(([countIn, q]) => total.add(String(number), countIn / q, countIn)));
  return (total.estimate().halfWidth / z95) ** 2;
}

test('a unit kept whole at one q: (sum of a)^2 (1 - q), summed before it is squared', () => {
  // Two items of a_in 1 and 2 at q = 1/4: (4 + 8)^2 * 3/4 = 108. Squared one by one it would be (16 + 64) * 3/4 = 60.
  expect(varianceOf([[1, 0.25], [2, 0.25]])).toBeCloseTo(108, 9);
  expect(varianceOf([[1, 0.25]], [[2, 0.25]])).toBeCloseTo(60, 9);
  expect(varianceOf([[1, 1]], [[5, 1]])).toBe(0);
});

test('items of one unit with different q: the estimate of the variance is right on average over u', () => {
  // a_in 1 at q 1/2 and a_in 2 at q 1/4, on one u. The estimator is 10 with chance 1/4, 2 with chance 1/4, else 0: mean 3, variance 26 - 9.
  const truth = 0.25 * 10 ** 2 + 0.25 * 2 ** 2 - 3 ** 2;
  expect(0.25 * varianceOf([[1, 0.5], [2, 0.25]]) + 0.25 * varianceOf([[1, 0.5]])).toBeCloseTo(truth, 9);
});

test('an exact expectation allows for the rounding of doubles and no more', () => {
  expect(meets(0.1 + 0.2, exactly(0.3))).toBe(true);
  expect(meets(99, exactly(100))).toBe(false);
  expect(meets(0.3000001, exactly(0.3))).toBe(false);
});
