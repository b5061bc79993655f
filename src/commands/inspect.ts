import { formatBytes } from '../base/units.ts';
import { CaptureReader, signalOfMessage } from '../otap/capture-file.ts';
import type { OtapBatch, PayloadTable } from '../otap/batch.ts';
import type { Column } from '../otap/column.ts';
import { OtapStreamDecoder } from '../otap/decode/stream-decoder.ts';
import { type PayloadName, payloadTypes, signalPayloads } from '../otap/payload-type.ts';
import { decodeBatchArrowRecords } from '../otap/proto/batch-arrow-records.ts';
import { placed } from './placed-error.ts';
import { defineCommand, exitCodes, type CommandIo } from './command.ts';

/** What was seen of one payload type. */
interface PayloadSeen {
  payloads: number;
  rows: number;
  bytes: number;
  readonly schemaIds: Set<string>;
  /** Column types by path, each distinct one. */
  readonly columns: Map<string, Set<string>>;
}

export const inspect = defineCommand({
  name: 'inspect',
  summary: 'Show the payloads, schemas and counts of a capture file',
  text: 'A capture file is one OTAP stream: repeated [uvarint length][BatchArrowRecords].',
  options: {},
  positionals: { label: 'FILE', text: 'The capture file.', min: 1, max: 1 },
  examples: ['thresher inspect traffic.otap'],
  run: async ({ positionals: [path] }, io) => {
    inspectFile(path, io);
    return exitCodes.ok;
  },
});

function inspectFile(path: string, io: CommandIo): void {
  const reader = new CaptureReader(path);
  try {
    const seen = new Map<PayloadName, PayloadSeen>();
    let batches = 0;
    let items = 0;
    let decoder: OtapStreamDecoder | null = null;
    for (let bytes = reader.next(); bytes !== null; bytes = reader.next()) {
      decoder ??= new OtapStreamDecoder(signalOfMessage(bytes) ?? 'traces');
      const batch = decoder.decode(bytes);
      batches++;
      items += batch.rowCount;
      countPayloads(bytes, batch, seen);
    }
    io.stdout.write(report(path, reader.sizeBytes, batches, items, seen));
  } catch (error) {
    throw placed(error, reader);
  } finally {
    reader.close();
  }
}

function countPayloads(bytes: Uint8Array, batch: OtapBatch, seen: Map<PayloadName, PayloadSeen>): void {
  for (const payload of decodeBatchArrowRecords(bytes).payloads) {
    const info = signalPayloads[batch.signal].find(({ type }) => type === payload.type);
    if (info === undefined) continue;
    const entry = seen.get(info.name) ?? { payloads: 0, rows: 0, bytes: 0, schemaIds: new Set(), columns: new Map() };
    seen.set(info.name, entry);
    entry.payloads++;
    entry.bytes += payload.record.length;
    entry.schemaIds.add(payload.schemaId);
    const table = batch.table(info.name);
    if (table !== null) countColumns(table, entry);
  }
}

function countColumns(table: PayloadTable, entry: PayloadSeen): void {
  entry.rows += table.rowCount;
  for (const path of table.paths) {
    const column = table.column(path);
    if (column === null) continue;
    const types = entry.columns.get(path) ?? new Set();
    types.add(typeName(column, table.encodingMark(path)));
    entry.columns.set(path, types);
  }
}

function typeName(column: Column, mark: string | null): string {
  const base = column.kind === 'dictionary' ? `dictionary<u${column.codes.BYTES_PER_ELEMENT * 8}, ${column.type}>` : column.type;
  return mark === null ? base : `${base} encoding=${mark}`;
}

function report(path: string, sizeBytes: number, batches: number, items: number, seen: ReadonlyMap<PayloadName, PayloadSeen>): string {
  const lines = [`${path}: ${formatBytes(sizeBytes)}, ${batches} batches, ${items} items`, ''];
  const names = [...seen.keys()].sort((a, b) => payloadTypes[a] - payloadTypes[b]);
  for (const name of names) {
    const entry = seen.get(name);
    if (entry === undefined) continue;
    lines.push(`${name.padEnd(28)} payloads ${entry.payloads}  rows ${entry.rows}  ${formatBytes(entry.bytes)}  schemas ${entry.schemaIds.size}`);
    for (const [column, types] of entry.columns) lines.push(`  ${column.padEnd(34)} ${[...types].join(' | ')}`);
  }
  return `${lines.join('\n')}\n`;
}
