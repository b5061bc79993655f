import { describe, expect, test } from 'vitest';
import { OtapStreamDecoder } from '../../../src/otap/decode/stream-decoder.ts';
import { payloadTypes, type PayloadName, type Signal } from '../../../src/otap/payload-type.ts';
import { encodeBatchArrowRecords } from '../../../src/otap/proto/batch-arrow-records.ts';
import type { Column } from '../../../src/otap/column.ts';
import { readCaptureFile } from '../../support/captures.ts';
import { cell, listCells } from '../../support/otap-cells.ts';

type Expected = { readonly [table in PayloadName]?: { readonly [path: string]: readonly unknown[] } };

// Streams written by pyarrow (Arrow C++), a third writer beside Go's and Rust's; see pyarrow/make.py.
const expected: Expected = JSON.parse(readCaptureFile('pyarrow/expected.json.gz').toString());

function valueOf(column: Column | null, row: number): unknown {
  if (column?.type === 'list_quantile') {
    if (isNull(column, row)) return null;
    const values = listCells(column, row, 1);
    return listCells(column, row, 0).map((quantile, index) => ({ quantile, value: values[index] ?? null }));
  }
  if (column?.kind === 'list') return isNull(column, row) ? null : listCells(column, row);
  const value = cell(column, row);
  if (value === undefined) return null;
  // pyarrow's integers are written as text, its bytes as hex.
  if (typeof value === 'number' && column?.type !== 'f64') return String(value);
  return column?.type === 'binary' ? Buffer.from(String(value), 'base64').toString('hex') : value;
}

function isNull({ validity }: Column, row: number): boolean {
  return validity !== null && ((validity[row >> 3] >> (row & 7)) & 1) === 0;
}

const tables: readonly (readonly [PayloadName, Signal])[] = [
  ['LOGS', 'logs'],
  ['LOG_ATTRS', 'logs'],
  ['SUMMARY_DATA_POINTS', 'metrics'],
  ['HISTOGRAM_DATA_POINTS', 'metrics'],
];

describe.each(['plain', 'lz4', 'zstd'])('Arrow C++ with %s bodies', (codec) => {
  test.each(tables)('%s: every value of every column', (name, signal) => {
    const record = readCaptureFile(`pyarrow/${name.toLowerCase()}_${codec}.arrows`);
    // One byte before it makes every buffer unaligned.
    for (const schemaId of ['1', '12', '123', '1234']) {
      const bar = encodeBatchArrowRecords(1n, [{ schemaId, type: payloadTypes[name], record: [record] }]);
      const decoder = new OtapStreamDecoder(signal);
      const table = decoder.decode(bar).table(name);
      const columns = expected[name] ?? {};
      expect(table?.paths.toSorted()).toEqual(Object.keys(columns).sort());
      expect(decoder.ignoredColumnCount).toBe(name === 'LOGS' ? 2 : 0);
      for (const [path, values] of Object.entries(columns)) {
        const column = table?.column(path) ?? null;
        expect(values.length).toBe(1000);
        expect(values.map((_, row) => valueOf(column, row)), path).toEqual(values);
      }
    }
  });
});
