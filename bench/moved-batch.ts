import type { OutputBatch, OutputColumn, OutputTable, PoolColumn, RawColumn } from '../src/otap/take/output-batch.ts';
import { ValuePool } from '../src/otap/take/value-pool.ts';

/** How the items of one playing of a recording differ from those of another. */
export interface Movement {
  /** Playing that each root row belongs to. */
  readonly rounds: Uint32Array;
  /** Where each row's time goes, ns since the epoch as doubles: exact to 256 ns. */
  readonly time: (recordedNano: number, round: number) => number;
}

/**
 * A copy of a batch as new traffic: times moved, trace ids renamed anew for each playing, and durations lengthened by up to 1/16, so
 * that they do not repeat either. All else repeats: texts, span ids, attribute values.
 */
export function movedBatch(batch: OutputBatch, movement: Movement): OutputBatch {
  const tables = new Map([...batch.tables].map(([name, table]) => [name, movedTable(table, movement)]));
  return { ...batch, tables };
}

function movedTable(table: OutputTable, { rounds, time }: Movement): OutputTable {
  if (table.info.kind === 'attributes') return table;
  const { parents } = table;
  const roundOf = (row: number): number => rounds[parents === null ? row : parents[row]];
  const columns = new Map([...table.columns].map(([path, column]) => [path, movedColumn(path, column, roundOf, time)]));
  return { ...table, columns };
}

type RoundOf = (row: number) => number;

function movedColumn(path: string, column: OutputColumn, roundOf: RoundOf, time: Movement['time']): OutputColumn {
  if (column.kind === 'list') return column;
  const change = changeOf(path, column.type, time);
  if (change === null) return column;
  return column.kind === 'raw' ? changedWords(column, roundOf, change) : changedEntries(column, roundOf, change);
}

/** Changes one value in place, given as its little-endian words. */
type Change = (words: Uint32Array, at: number, round: number, row: number) => void;

function changeOf(path: string, type: string, time: Movement['time']): Change | null {
  if (type === 'timestamp') return (words, at, round) => writeNano(words, at, time(readNano(words, at), round));
  if (type === 'duration') return (words, at, round, row) => writeNano(words, at, lengthened(readNano(words, at), round, row));
  return path === 'trace_id' ? renameId : null;
}

function readNano(words: Uint32Array, at: number): number {
  return words[at] + words[at + 1] * 2 ** 32;
}

function writeNano(words: Uint32Array, at: number, nano: number): void {
  words[at] = nano % 2 ** 32;
  words[at + 1] = Math.floor(nano / 2 ** 32);
}

function lengthened(nano: number, round: number, row: number): number {
  return nano + Math.floor((nano / 16) * (scrambled(round * 65_536 + row) / 2 ** 32));
}

/**
 * Puts a hash of (id, round) in the place of an id, so that what is sampled in one playing tells nothing of another: were ids moved by one
 * constant a playing, a group of traces would be kept or dropped together in it. Links follow, having the same ids. No id stays none.
 */
function renameId(words: Uint32Array, at: number, round: number): void {
  if (round === 0 || (words[at] | words[at + 1] | words[at + 2] | words[at + 3]) === 0) return;
  const id = words.slice(at, at + 4);
  for (let i = 0; i < 4; i++) words[at + i] = id.reduce((hash, word) => scrambled(hash ^ word), scrambled(0x9e3779b9 + round * 4 + i));
}

/** The finaliser of MurmurHash3: 32 bits in, 32 mixed bits out. */
function scrambled(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

function changedWords(column: RawColumn, roundOf: RoundOf, change: Change): RawColumn {
  if (!(column.words instanceof Uint32Array)) return column;
  const words = column.words.slice();
  const { wordsPerValue, validity } = column;
  for (let row = 0; row * wordsPerValue < words.length; row++) {
    if (validity === null || validity[row] === 1) change(words, row * wordsPerValue, roundOf(row), row);
  }
  return { ...column, words };
}

function changedEntries(column: PoolColumn, roundOf: RoundOf, change: Change): PoolColumn {
  const pool = new ValuePool(false);
  const value = new Uint32Array(4);
  const bytes = new Uint8Array(value.buffer);
  const codes = column.codes.map((code, row) => {
    if (code < 0) return code;
    const entry = column.pool.data.subarray(column.pool.offsets[code], column.pool.offsets[code + 1]);
    bytes.set(entry);
    change(value, 0, roundOf(row), row);
    return pool.intern(bytes, 0, entry.length);
  });
  return { ...column, codes, pool };
}
