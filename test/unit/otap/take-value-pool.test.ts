import { expect, test } from 'vitest';
import { ValuePool } from '../../../src/otap/take/value-pool.ts';

const bytes = (text: string): Uint8Array => Buffer.from(text);

function textOf(pool: ValuePool, code: number): string {
  return Buffer.from(pool.data.subarray(pool.offsets[code], pool.offsets[code + 1])).toString();
}

test('codes are given in the order of first appearance and stay, through every growth', () => {
  const pool = new ValuePool(true);
  const texts = Array.from({ length: 5000 }, (_, index) => `value ${index % 2500}`);
  const codes = texts.map((text) => pool.internText(text));
  expect(codes).toEqual(texts.map((_, index) => index % 2500));
  expect(codes.map((code) => textOf(pool, code))).toEqual(texts);
  expect(pool.byteLength).toBe(texts.slice(0, 2500).join('').length);
});

test('empty, equal length and prefixes are different values', () => {
  const pool = new ValuePool(false);
  expect(['', 'a', 'b', 'ab', '', 'ab'].map((text) => pool.internText(text))).toEqual([0, 1, 2, 3, 0, 3]);
});

test('after truncate the later values are new again, the earlier ones not', () => {
  const pool = new ValuePool(true);
  ['a', 'b', 'c'].forEach((text) => pool.internText(text));
  pool.truncate(1);
  expect([pool.internText('a'), pool.internText('c'), pool.internText('b')]).toEqual([0, 1, 2]);
  expect(textOf(pool, 1)).toBe('c');
});

test('text is kept valid, other bytes as they are', () => {
  const broken = Uint8Array.of(0xc3, 0x28);
  const text = new ValuePool(true);
  expect(textOf(text, text.intern(broken, 0, 2))).toBe('\ufffd(');
  expect(text.intern(broken, 0, 2)).toBe(text.internText('\ufffd('));
  const binary = new ValuePool(false);
  binary.intern(broken, 0, 2);
  expect([...binary.data.subarray(0, 2)]).toEqual([0xc3, 0x28]);
});

test('a seed changes nothing but where values lie', () => {
  const one = new ValuePool(true, 1);
  const two = new ValuePool(true, 0xdeadbeef);
  for (const text of ['x', 'y', 'x']) expect(one.intern(bytes(text), 0, 1)).toBe(two.intern(bytes(text), 0, 1));
});
