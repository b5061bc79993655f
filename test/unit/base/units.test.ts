import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatBytes, formatDurationMs, parseBytes, parseDurationMs } from '../../../src/base/units.ts';

describe('sizes', () => {
  test.each([
    ['0', 0], ['4096', 4096], ['1B', 1], ['2GiB', 2 ** 31], ['512 MiB', 2 ** 29], ['1.5kB', 1500], ['1.5KiB', 1536], ['1tb', 1e12],
    ['', null], ['GiB', null], ['-1', null], ['1e3', null], ['2 GiBs', null], ['9999999TiB', null], ['1,5MB', null],
  ])('%s', (text, bytes) => {
    expect(parseBytes(text)).toBe(bytes);
  });

  test.each([[0, '0B'], [1023, '1023B'], [1024, '1KiB'], [1536, '1.50KiB'], [2 ** 31, '2GiB'], [-2048, '-2KiB'], [123_456_789, '117.7MiB']])('%d as %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });
});

describe('durations', () => {
  // The results are those of Go's time.ParseDuration.
  test.each([
    ['0', 0], ['10s', 10_000], ['1m30s', 90_000], ['250ms', 250], ['1.5h', 5_400_000], ['1h2m3s4ms', 3_723_004], ['100us', 0.1], ['1d', 86_400_000],
    ['', null], ['10', null], ['s', null], ['10 s', null], ['-1s', null], ['1s 2s', null], ['1y', null], ['1m30', null], ['x1s', null],
  ])('%s', (text, ms) => {
    const got = parseDurationMs(text);
    if (ms === null || got === null) expect(got).toBe(ms);
    else expect(got).toBeCloseTo(ms, 9);
  });

  test('what is formatted is read back', () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: 10 ** 9 }), (ms) => {
      expect(parseDurationMs(formatDurationMs(ms))).toBeCloseTo(ms, 6);
    }));
    expect([0, 250, 90_000, 3_600_000, 3_661_500].map(formatDurationMs)).toEqual(['0s', '250ms', '1m30s', '1h', '1h1m1.5s']);
  });
});
