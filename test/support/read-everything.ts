import { isUtf8 } from 'node:buffer';
import { CodedError } from '../../src/base/errors.ts';
import type { OtapBatch, PayloadTable } from '../../src/otap/batch.ts';
import type { Column } from '../../src/otap/column.ts';
import { decodeCbor } from '../../src/otap/decode/cbor.ts';
import { type PayloadName, signalPayloads } from '../../src/otap/payload-type.ts';
import { schemas } from '../../src/otap/schema.ts';
import { isNull } from './otap-cells.ts';

/** A column that could not be read, or did not hold what its table says. */
export interface BadColumn {
  readonly table: PayloadName;
  readonly path: string;
  readonly error: CodedError;
}

/** Reads every value of every column of every table, on past those that throw; gives those. Throws what is no CodedError. */
export function readEverything(batch: OtapBatch): BadColumn[] {
  return signalPayloads[batch.signal].flatMap((info) => {
    const table = batch.table(info.name);
    if (table === null) return [];
    return schemas[info.schema].flatMap(({ path, type }) => {
      const error = coded(() => readColumn(table, path, type === 'utf8'));
      return error === null ? [] : [{ table: info.name, path, error }];
    });
  });
}

/** What `read` throws, if it is coded. */
export function coded(read: () => unknown): CodedError | null {
  try {
    read();
    return null;
  } catch (error) {
    if (error instanceof CodedError && error.status === 'INVALID_ARGUMENT') return error;
    throw error;
  }
}

function readColumn(table: PayloadTable, path: string, isText: boolean): void {
  const column = table.column(path);
  table.ids(path);
  if (column === null) return;
  if (column.length !== table.rowCount) throw new Error(`${path}: ${column.length} values in ${table.rowCount} rows`);
  if (column.kind === 'list') {
    if (column.offsets[column.length] !== column.children[0].length) throw new Error(`${path}: offsets end at ${column.offsets[column.length]} of ${column.children[0].length}`);
    return;
  }
  if (column.kind === 'dictionary') readEntries(column, path, isText);
}

function readEntries(column: Extract<Column, { readonly kind: 'dictionary' }>, path: string, isText: boolean): void {
  const { codes, dictionary: { store, size } } = column;
  const seen = new Set<number>();
  for (let row = 0; row < column.length; row++) {
    const code = codes[row];
    if (isNull(column, row) || seen.has(code)) continue;
    seen.add(code);
    if (code >= size) throw new Error(`${path}: code ${code} of ${size}`);
    if (store.isNull(code)) throw new Error(`${path}: row ${row} is valid, its entry is not`);
    const bytes = store.bytes(code);
    if (isText && !isUtf8(bytes)) throw new CodedError('INVALID_ARGUMENT', 'invalid_utf8', path);
    if (path.endsWith('ser')) decodeCbor(bytes);
  }
}
