import { describe, expect, test } from 'vitest';
import { StringTable } from '../../../src/store/string-table.ts';
import { rowsOf, useEngine } from './engine.ts';

const engine = useEngine();

async function textsByCode(table: string): Promise<Map<number, string | null>> {
  return new Map((await rowsOf(engine.session(), `SELECT code, text FROM ${table}`)).map(([code, text]) => [Number(code), text]));
}

describe('the texts of a slot', () => {
  test('a text has one code, and every code its text', async () => {
    const strings = await StringTable.create(engine.session(), 'one', 1_000_000);
    const codes = Array.from({ length: 10_000 }, (_, i) => strings.codeOf(`text ${i % 3000}`));
    strings.flush();
    const texts = await textsByCode('one');
    expect(texts.size).toBe(3000);
    codes.forEach((code, i) => expect(texts.get(code)).toBe(`text ${i % 3000}`));
  });

  test('at the bound it forgets; texts get second codes, and every code given out still has its text', async () => {
    const strings = await StringTable.create(engine.session(), 'bound', 100);
    const given: { code: number; text: string }[] = [];
    for (let i = 0; i < 5000; i++) {
      const text = `text ${(i * 31) % 170}`;
      given.push({ code: strings.codeOf(text), text });
      if (i % 911 === 0) strings.flush();
    }
    strings.flush();
    const texts = await textsByCode('bound');
    for (const { code, text } of given) expect(texts.get(code)).toBe(text);
    expect(texts.size).toBeGreaterThan(170);
  });

  test('dictionaries: entries keep their codes over deltas and over forgetting in the middle of a column', async () => {
    const strings = await StringTable.create(engine.session(), 'dictionaries', 50);
    const entries = Array.from({ length: 300 }, (_, i) => `entry ${i}`);
    const store = { type: 'utf8', size: 300, byteLength: 0, text: (code: number) => entries[code], bytes: none, number: none, bigint: none, isNull: () => false } as const;
    const codes: number[] = [];
    for (const size of [10, 120, 300]) {
      const map = strings.codesOf(store, size);
      for (let entry = 0; entry < size; entry++) codes.push(strings.codeOfEntry(map, store, entry));
    }
    strings.flush();
    const texts = await textsByCode('dictionaries');
    const expected = [10, 120, 300].flatMap((size) => entries.slice(0, size));
    expect(codes.map((code) => texts.get(code))).toEqual(expected);
  });

  test('its size counts texts as they come', async () => {
    const strings = await StringTable.create(engine.session(), 'sizes', 1000);
    expect(strings.byteLength).toBe(0);
    strings.codeOf('x'.repeat(10_000));
    strings.codeOf('x'.repeat(10_000));
    expect(strings.byteLength).toBeGreaterThan(10_000);
    expect(strings.byteLength).toBeLessThan(30_000);
  });
});

function none(): never {
  throw new Error('not asked for');
}
