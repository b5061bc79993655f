import { describe, expect, test } from 'vitest';
import type { Finding } from '../../../src/audit/findings.ts';
import { mulberry } from '../../support/mulberry.ts';
import { findingsIn, fractionOf, randomId, sampledSpans, type TestSpan } from './streams.ts';

/**
 * Scenario: streams with a known defect beside a clean service.
 * Guarantees: the defect is found, its service and no other is named, and the cause is the one that was put in.
 */

const n = 4000;
const ids = (seed: number, make: (id: Buffer, index: number) => Buffer = (id) => id): Buffer[] => {
  const random = mulberry(seed);
  return Array.from({ length: n }, (_, index) => make(randomId(random), index));
};
const clean = (seed: number): TestSpan[] => sampledSpans(mulberry(seed), 1000, 0.5, 'clean');

function found(liar: readonly TestSpan[], seed = 99): Finding[] {
  const all = findingsIn([...liar.map((span) => ({ ...span, service: 'liar' })), ...clean(seed)]);
  expect(all.filter(({ service, severity }) => service !== 'liar' && severity === 'fault')).toEqual([]);
  return all.filter(({ service }) => service === 'liar');
}

const low64 = (id: Buffer): number => Number(id.readBigUInt64BE(8)) / 2 ** 64;
const signed64 = (id: Buffer): number => Math.abs(Number(id.readBigInt64BE(8))) / 2 ** 63;
const xor32 = (id: Buffer): number => ((id.readUInt32BE(0) ^ id.readUInt32BE(4) ^ id.readUInt32BE(8) ^ id.readUInt32BE(12)) >>> 0) / 2 ** 32;
const write = (id: Buffer, at: number, bytes: readonly number[]): Buffer => {
  bytes.forEach((byte, index) => id.writeUInt8(byte, at + index));
  return id;
};

describe('ids', () => {
  test.each([
    ['the last 8 bytes, as Go and Python', low64, 0.1], ['the last 8 bytes, signed, as Java', signed64, 0.1], ['XOR of words, as JavaScript', xor32, 0.25],
    ['the last 8 bytes at 1 in 1,000', (id: Buffer) => low64(id), 0.002],
  ] as const)('a legacy ratio sampler by %s', (_, value, ratio) => {
    const source = ratio < 0.01 ? Array.from({ length: 100 }, (_unused, seed) => ids(seed + 1)).flat() : ids(1);
    const [finding] = found(source.filter((id) => value(id) < ratio).map((id) => ({ id })));
    expect(finding).toMatchObject({ kind: 'legacy_ratio_sampler', severity: 'fault' });
    const factor = Number(/factor of about ([\d.e+]+)/.exec(finding.cause)?.[1]);
    expect(Math.abs(factor * ratio - 1)).toBeLessThan(0.1);
  });

  test.each([
    ['32 random bits padded with zeros', (id: Buffer) => write(id, 0, new Array<number>(12).fill(0)), 'ids_low_entropy'],
    ['a fixed last byte', (id: Buffer) => write(id, 15, [7]), 'ids_low_entropy'],
    ['a counter', (id: Buffer, index: number) => write(id, 9, [0, 0, 0, 0, 0, index >> 8, index & 255]), 'ids_sequential'],
    ['a clock of milliseconds before two random bytes', (id: Buffer, index: number) => write(id, 9, [0x8b, 0x12, 0x4a, index >> 8, index & 255]), 'ids_sequential'],
    ['a fixed prefix before four random bytes', (id: Buffer) => write(id, 9, [0x8b, 0x12, 0x4a]), 'ids_low_entropy'],
  ] as const)('%s', (_, make, kind) => {
    expect(found(ids(2, make).map((id) => ({ id }))).map((finding) => finding.kind)).toEqual([kind]);
  });

  test.each([
    ['UUIDs of version 4', (id: Buffer) => { write(id, 6, [(id[6] & 15) | 0x40]); return write(id, 8, [(id[8] & 63) | 0x80]); }],
    ['UUIDs of version 7', (id: Buffer, index: number) => { write(id, 0, [1, 0x8b, 0x12, 0x4a, index >> 8, index & 255, (id[6] & 15) | 0x70]); return write(id, 8, [(id[8] & 63) | 0x80]); }],
    ['64-bit ids padded with zeros', (id: Buffer) => write(id, 0, new Array<number>(8).fill(0))],
    ['X-Ray ids, which begin with seconds', (id: Buffer, index: number) => write(id, 0, [0x65, 0x12, index >> 8, index & 255])],
  ] as const)('%s are random enough', (_, make) => {
    expect(found(ids(3, make).map((id) => ({ id })))).toEqual([]);
  });
});

describe('thresholds', () => {
  test('written on everything, applied to nothing', () => {
    const finding = found(ids(4).map((id) => ({ id, th: 'c' }))).find(({ kind }) => kind === 'contradiction');
    expect(finding).toMatchObject({ severity: 'fault' });
    expect(finding?.cause).toContain('nothing is dropped');
    expect(finding?.example).toMatch(/^trace [0-9a-f]{32}, span [0-9a-f]{16}$/);
    expect(Math.abs((finding?.affected ?? 0) / n - 0.75)).toBeLessThan(0.03);
  });

  test('lower than what was sampled', () => {
    const [finding] = found(ids(5).filter((id) => fractionOf(id) >= 0.9).map((id) => ({ id, th: '8' })));
    expect(finding.kind).toBe('threshold_too_low');
    expect(Math.abs(Number(/factor of about ([\d.]+)/.exec(finding.cause)?.[1]) - 5)).toBeLessThan(0.3);
  });

  test('two tiers at the same threshold that multiply: th', () => {
    const finding = found(ids(6).filter((id) => fractionOf(id) >= 0.5).map((id) => ({ id, th: 'c' })))[0];
    expect(finding.kind).toBe('contradiction');
    expect(finding.cause).toContain('double counting');
  });

  test('lost on the way', () => {
    expect(found(ids(7).filter((id) => fractionOf(id) >= 0.75).map((id) => ({ id })))[0].kind).toBe('threshold_missing');
  });

  test('that cannot be read', () => {
    expect(found(ids(8).slice(0, 20).map((id) => ({ id, th: 'XYZ' }))).map(({ kind }) => kind)).toContain('threshold_malformed');
  });
});

describe('counts', () => {
  const kept = ids(9).filter((id) => fractionOf(id) >= 0.75);
  test.each([
    ['inverted', 0.25, 'count_inverted'], ['squared by two tiers', 16, 'count_squared'], ['of another sampler', 7, 'count_disagrees'],
    ['NaN as text', 'NaN', 'count_impossible'], ['negative', -4, 'count_impossible'],
  ] as const)('%s', (_, count, kind) => {
    const findings = found(kept.map((id) => ({ id, th: 'c', count })));
    expect(findings.map((finding) => finding.kind)).toEqual([kind]);
    expect(findings[0].affected).toBe(kept.length);
  });

  test('of a threshold are right within rounding', () => {
    expect(found(kept.map((id) => ({ id, th: 'c', count: 4.0000001 })))).toEqual([]);
  });
});

describe('spans', () => {
  test('sent twice', () => {
    const all = ids(10).slice(0, 500);
    const [finding] = found([...all, ...all.slice(0, 50)].map((id, index) => ({ id, spanId: (index % 500) + 1 })));
    expect(finding).toMatchObject({ kind: 'duplicate', affected: 50, of: 550 });
  });

  test('without a trace id', () => {
    expect(found([{ id: Buffer.alloc(16) }])[0]).toMatchObject({ kind: 'trace_id_zero', affected: 1 });
  });

  test('of one trace with different thresholds are a note, once a trace', () => {
    const both = ids(11).filter((id) => fractionOf(id) >= 0.75).flatMap((id) => [{ id, th: '0' }, { id, th: '8' }, { id, th: 'c' }]);
    const findings = found(both);
    expect(findings.find(({ kind }) => kind === 'mixed_thresholds')).toMatchObject({ severity: 'note', affected: both.length / 3 });
  });
});
