import { describe, expect, test } from 'vitest';
import { adjustedCountOf, probabilityAsDouble, probabilityOf, type Probability } from '../../../src/sampling/probability.ts';
import { formatRandomness, parseRandomness, randomnessOfTraceId } from '../../../src/sampling/randomness.ts';
import {
  combine, formatThreshold, formatThresholdWords, isKept, isKeptWords, parseThreshold, probabilityOfThreshold, raise, roundThreshold, thresholdOf,
} from '../../../src/sampling/threshold.ts';
import { highOfHex, lowOfHex } from '../../../src/sampling/word56.ts';
import { present } from '../../../src/base/assert.ts';

/** OpenTelemetry, tracestate-probability-sampling, "Converting floating-point probability to threshold value": 1 in N, th at 3, 4, 5 digits, counts. */
const published: readonly (readonly [number, readonly string[], readonly number[]])[] = [
  [1, ['0', '0', '0'], [1, 1, 1]],
  [2, ['8', '8', '8'], [2, 2, 2]],
  [3, ['aab', 'aaab', 'aaaab'], [3.0007326007326007, 3.00004577706569, 3.0000028610256777]],
  [4, ['c', 'c', 'c'], [4, 4, 4]],
  [5, ['ccd', 'cccd', 'ccccd'], [5.001221001221001, 5.0000762951094835, 5.0000047683761295]],
  [8, ['e', 'e', 'e'], [8, 8, 8]],
  [10, ['e66', 'e666', 'e6666'], [9.990243902439024, 9.99938968568813, 9.999961853172863]],
  [16, ['f', 'f', 'f'], [16, 16, 16]],
  [100, ['fd71', 'fd70a', 'fd70a4'], [100.05496183206107, 99.99771123402633, 100.00009536752259]],
  [1000, ['ffbe7', 'ffbe77', 'ffbe76d'], [999.5958055290753, 1000.012874769029, 1000.0016987352618]],
  [10000, ['fff972', 'fff9724', 'fff97247'], [9998.340882002383, 9999.830725674266, 9999.99370426336]],
  [100000, ['ffff584', 'ffff583a', 'ffff583a5'], [100013.21013412817, 99999.238556461, 99999.96614643588]],
  [1000000, ['ffffef4', 'ffffef39', 'ffffef391'], [1.0016248358208955e6, 999992.38556461, 1.0000069374699865e6]],
];

describe('published examples', () => {
  test.each(published)('1 in %d', (n, texts, counts) => {
    texts.forEach((text, i) => {
      const threshold = roundThreshold(thresholdOf(probabilityOf(1 / n)), 3 + i);
      expect(formatThreshold(threshold)).toBe(text);
      expect(adjustedCountOf(probabilityOfThreshold(threshold))).toBeCloseTo(counts[i], 6);
    });
  });

  test('th:c is 25 %; rv:6e6d1a75832a2f is kept from 56.9 %', () => {
    expect(probabilityAsDouble(probabilityOfThreshold(present(parseThreshold('c'), 'th')))).toBe(0.25);
    const rv = present(parseRandomness('6e6d1a75832a2f'), 'rv');
    expect(isKept(rv, present(parseThreshold('6e6d1a75832a2f'), 'th'))).toBe(true);
    expect(isKept(rv, present(parseThreshold('6e6d1a75832a3'), 'th'))).toBe(false);
    const traceId = Uint8Array.from(Buffer.from('000000000000000000' + '6e6d1a75832a2f', 'hex'));
    expect(formatRandomness(randomnessOfTraceId(traceId))).toBe('6e6d1a75832a2f');
  });
});

describe('th and rv as text', () => {
  test.each(['', 'C', '123456789012345', 'g', '0x1', ' 1'])('%o is no th', (text) => expect(parseThreshold(text)).toBeNull());
  test.each(['', '6e6d1a75832a2', '6E6D1A75832A2F', '6e6d1a75832a2f0'])('%o is no rv', (text) => expect(parseRandomness(text)).toBeNull());
  test.each(['0', '8', '00000000000001', 'ffffffffffffff', 'aab', '0000001'])('%s comes back', (text) => {
    expect(formatThreshold(present(parseThreshold(text), text))).toBe(text);
    expect(formatThresholdWords(lowOfHex(text), highOfHex(text))).toBe(text);
  });
});

describe('arithmetic', () => {
  const t = (text: string) => present(parseThreshold(text), text);
  test('raise refuses to lower, combine takes the greater', () => {
    expect(raise(t('8'), t('c'))).toBe(t('c'));
    expect(() => raise(t('c'), t('8'))).toThrow(/cannot be lowered/);
    expect(combine(t('c'), t('8'))).toBe(t('c'));
  });
  test.each([-0.1, 1.0000001, Number.NaN, Number.POSITIVE_INFINITY])('%d is no probability', (p) => expect(() => probabilityOf(p)).toThrow(RangeError));
  test('doubles round down on the way out', () => {
    for (const n of [1n, 2n ** 53n + 1n, 2n ** 54n + 3n, 2n ** 55n + 7n, 2n ** 56n - 1n, 2n ** 56n]) {
      const back = probabilityOf(probabilityAsDouble(n as Probability));
      expect(back <= n && n - back < 16n).toBe(true);
    }
    expect(probabilityOf(0)).toBe(0n);
    expect(() => thresholdOf(probabilityOf(0))).toThrow(RangeError);
  });
  test('words decide as bigints do', () => {
    for (const [r, th] of [['00000100000000', '000000ffffffff'], ['000000ffffffff', '00000100000000'], ['80000000000000', '8'], ['7fffffffffffff', '8']]) {
      const expected = isKept(present(parseRandomness(r), r), t(th));
      expect(isKeptWords(lowOfHex(r), highOfHex(r), lowOfHex(th), highOfHex(th))).toBe(expected);
    }
  });
});
