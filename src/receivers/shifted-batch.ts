import type { OutputBatch, OutputColumn, OutputTable, RawColumn } from '../otap/take/output-batch.ts';

/**
 * A copy of a batch whose times (ns) are moved by `shiftNano` and whose native trace ids are renamed by `round`, so
 * that a recording can be played again as new traffic. Round 0 keeps the ids. Ids in dictionaries stay as they are.
 */
export function shiftedBatch(batch: OutputBatch, shiftNano: bigint, round: number): OutputBatch {
  const tables = new Map([...batch.tables].map(([name, table]) => [name, shiftedTable(table, shiftNano, round)]));
  return { ...batch, tables };
}

function shiftedTable(table: OutputTable, shiftNano: bigint, round: number): OutputTable {
  const columns = new Map([...table.columns].map(([path, column]) => [path, shiftedColumn(path, column, shiftNano, round)]));
  return { ...table, columns };
}

function shiftedColumn(path: string, column: OutputColumn, shiftNano: bigint, round: number): OutputColumn {
  if (column.kind !== 'raw') return column;
  if (column.type === 'timestamp') return shiftedTimes(column, shiftNano);
  return path === 'trace_id' && column.type === 'fixed16' && round > 0 ? renamedIds(column, round) : column;
}

function shiftedTimes(column: RawColumn, shiftNano: bigint): RawColumn {
  const words = column.words.slice();
  const times = new BigInt64Array(words.buffer, words.byteOffset, words.byteLength / 8);
  for (let row = 0; row < times.length; row++) if (times[row] !== 0n) times[row] += shiftNano;
  return { ...column, words };
}

function renamedIds(column: RawColumn, round: number): RawColumn {
  const words = column.words.slice();
  const mask = [round, 1, 2, 3].map((salt, index) => Math.imul(round + salt, [0x9e3779b1, 0x85ebca6b, 0xc2b2ae35, 0x27d4eb2f][index]));
  for (let i = 0; i < words.length; i++) words[i] ^= mask[i & 3];
  return { ...column, words };
}
