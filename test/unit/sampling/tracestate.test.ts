import { describe, expect, test } from 'vitest';
import { readTracestate, writeThreshold } from '../../../src/sampling/tracestate.ts';

describe('reading', () => {
  test.each([
    ['', null, null],
    ['ot=th:c', 'c', null],
    ['a=1, ot=rv:6e6d1a75832a2f;th:8;p:8 ,b=2', '8', '6e6d1a75832a2f'],
    ['foot=th:c', null, null],
    ['tenant@ot=th:c', null, null],
    ['ot=xth:c', null, null],
  ])('%s', (tracestate, th, rv) => {
    expect(readTracestate(tracestate)).toEqual({ th, rv, thInvalid: false, rvInvalid: false });
  });
  test.each(['ot=th:', 'ot=th:G', 'ot=th:123456789012345'])('%s is invalid', (tracestate) => {
    expect(readTracestate(tracestate)).toEqual({ th: null, rv: null, thInvalid: true, rvInvalid: false });
  });
});

describe('writing', () => {
  test.each([
    ['', 'c', 'ot=th:c'],
    ['a=1,b=2', 'c', 'ot=th:c,a=1,b=2'],
    ['a=1, ot=rv:6e6d1a75832a2f;th:8;p:8 ,b= 2', 'c', 'ot=rv:6e6d1a75832a2f;th:c;p:8,a=1,b= 2'],
    ['a=1,ot=p:8;r:62', 'c', 'ot=p:8;r:62;th:c,a=1'],
    ['a=1, ot=th:c', 'c', 'a=1, ot=th:c'],
    ['a=1,ot=th:8', null, 'a=1'],
    ['a=1,ot=th:8;p:2', null, 'ot=p:2,a=1'],
    ['a=1', null, 'a=1'],
    ['ot=th:8', null, ''],
  ])('%s with %s', (tracestate, th, written) => expect(writeThreshold(tracestate, th)).toBe(written));

  test('ot of more than 256 characters is given up', () => {
    const ot = `ot=x:${'a'.repeat(250)}`;
    expect(writeThreshold(ot, '8')).toBeNull();
    expect(writeThreshold(`ot=x:${'a'.repeat(249)}`, null)).toBe(`ot=x:${'a'.repeat(249)}`);
    expect(writeThreshold(`ot=x:${'a'.repeat(249)}`, '8')).toHaveLength(3 + 256);
    expect(writeThreshold(`ot=x:${'a'.repeat(249)};th:8`, 'ffffffffffffff')).toBeNull();
  });

  test('a 33rd entry drops the last', () => {
    const entries = Array.from({ length: 32 }, (_, i) => `k${i}=v`);
    expect(writeThreshold(entries.join(','), '8')).toBe(['ot=th:8', ...entries.slice(0, 31)].join(','));
  });

  test('over 512 characters the long entries go first, from the right', () => {
    const long = `long=${'x'.repeat(140)}`;
    const others = ['a=1', long, `b=${'y'.repeat(100)}`, `c=${'z'.repeat(100)}`, `d=${'w'.repeat(100)}`, `e=${'v'.repeat(51)}`];
    expect(others.join(',')).toHaveLength(512);
    expect(writeThreshold(others.join(','), '8')).toBe(['ot=th:8', 'a=1', ...others.slice(2)].join(','));
    const short = Array.from({ length: 5 }, (_, i) => `k${i}=${'x'.repeat(98)}`);
    expect(writeThreshold(short.join(','), '8')).toBe(['ot=th:8', ...short.slice(0, 4)].join(','));
  });
});
