import { zstdCompressSync } from 'node:zlib';
import { Dictionary, Int32, Uint16, Uint8, Utf8 } from 'apache-arrow';
import { describe, expect, test } from 'vitest';
import { textAt } from '../../../src/otap/decode/any-value.ts';
import { OtapDecodeError } from '../../../src/otap/decode/errors.ts';
import type { DecodeLimits } from '../../../src/otap/decode/limits.ts';
import { OtapStreamDecoder } from '../../../src/otap/decode/stream-decoder.ts';
import type { OtapBatch } from '../../../src/otap/batch.ts';
import { arrowRecord, barOf, deltaMessage, dictionaryData, messagesOf, withBytes, withInt64, type MessageParts, type TestColumn } from '../../support/arrow-bar.ts';
import { readCapture, readCaptureFile } from '../../support/captures.ts';

const texts = new Dictionary(new Utf8(), new Uint8());
const severities: TestColumn = { name: 'severity_text', type: texts, values: ['INFO', 'WARN', 'INFO', 'ERROR'] };
const columns: readonly TestColumn[] = [
  { name: 'id', type: new Uint16(), values: [0, 1, 1, 1] },
  { name: 'severity_number', type: new Int32(), values: [9, 13, 9, 17] },
  severities,
  { name: 'event_name', type: new Utf8(), values: ['a', 'bc', '', 'def'] },
];
const good = arrowRecord(columns);
const [schemaMessage, dictionaryMessage, recordMessage] = messagesOf(good);
const dictionaryId = texts.id;
const slice = (record: Uint8Array, { start, end }: MessageParts): Uint8Array => record.subarray(start, end);
const join = (...parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));

/** What refuses the batch: status, reason, whether the stream is broken. */
interface Refusal {
  readonly reason: string;
  readonly broken: boolean;
  readonly message: string;
  readonly batchId: bigint | null;
}

function refusal(run: () => unknown): Refusal {
  try {
    run();
  } catch (error) {
    if (!(error instanceof OtapDecodeError)) throw error;
    expect(error.status).toMatch(/^(INVALID_ARGUMENT|FAILED_PRECONDITION)$/);
    return { reason: error.reason, broken: error.streamBroken, message: error.message, batchId: error.batchId };
  }
  throw new Error('nothing was refused');
}

function readAll(batch: OtapBatch): void {
  for (const path of batch.table('LOGS')?.paths ?? []) {
    const column = batch.table('LOGS')?.column(path);
    if (column?.kind === 'dictionary' && column.type === 'utf8') for (const code of column.codes) column.dictionary.store.text(code);
  }
  batch.table('LOGS')?.ids('id');
}

/** The refusal of a batch whose LOGS record is `record`, at decoding or at reading its columns. */
function refusalOf(record: Uint8Array, limits: Partial<DecodeLimits> = {}): Refusal {
  const decoder = new OtapStreamDecoder('logs', limits);
  return refusal(() => readAll(decoder.decode(barOf([{ name: 'LOGS', record }], 77n))));
}

/** After a batch that does not break the stream, the next good one is decoded by what came before and with it. */
function expectGoesOn(decoder: OtapStreamDecoder): void {
  const batch = decoder.decode(barOf([{ name: 'LOGS', record: slice(good, recordMessage) }]));
  readAll(batch);
  expect(batch.rowCount).toBe(4);
}

test('the record that the cases below are made of is good', () => {
  const batch = new OtapStreamDecoder('logs').decode(barOf([{ name: 'LOGS', record: good }]));
  readAll(batch);
  expect(batch.rowCount).toBe(4);
});

describe('framing', () => {
  test('no protobuf: broken, batch id unknown, and every later batch refused', () => {
    const decoder = new OtapStreamDecoder('logs');
    expect(refusal(() => decoder.decode(Uint8Array.of(0x12, 0x7f)))).toMatchObject({ reason: 'malformed_protobuf', broken: true, batchId: null });
    expect(refusal(() => decoder.decode(barOf([{ name: 'LOGS', record: good }])))).toMatchObject({ reason: 'stream_broken', broken: true });
  });

  test('truncated IPC: broken wherever it is cut, but at the end of a message', () => {
    for (let length = 1; length < good.length - 8; length += 3) {
      if (messagesOf(good).some(({ end }) => end === length)) continue;
      expect(refusalOf(good.subarray(0, length)), `cut at ${length}`).toMatchObject({ reason: 'malformed_ipc', broken: true, batchId: 77n });
    }
  });

  test('empty record, unknown payload type, payload of another signal: refused, the stream goes on', () => {
    const cases = [
      [{ name: 'LOGS' as const, record: new Uint8Array(0) }, 'empty_record'],
      [{ name: 'LOGS' as const, record: good, type: 99 }, 'unknown_payload_type'],
      [{ name: 'LOGS' as const, record: good, type: 0 }, 'unknown_payload_type'],
      [{ name: 'SPANS' as const, record: good }, 'unknown_payload_type'],
    ] as const;
    for (const [payload, reason] of cases) {
      const decoder = new OtapStreamDecoder('logs');
      decoder.decode(barOf([{ name: 'LOGS', record: good }]));
      expect(refusal(() => decoder.decode(barOf([payload])))).toMatchObject({ reason, broken: false, batchId: 1n });
      expectGoesOn(decoder);
    }
  });

  test('payloads after one that is refused still advance the stream', () => {
    const decoder = new OtapStreamDecoder('logs');
    expect(refusal(() => decoder.decode(barOf([{ name: 'LOGS', record: new Uint8Array(0), type: 99 }, { name: 'LOGS', record: good }]))).broken).toBe(false);
    expectGoesOn(decoder);
  });

  test('a payload type twice, two record batches in a payload: refused, the stream goes on', () => {
    const decoder = new OtapStreamDecoder('logs');
    const twice = [{ name: 'LOGS' as const, record: good }, { name: 'LOGS' as const, record: slice(good, recordMessage) }];
    expect(refusal(() => decoder.decode(barOf(twice)))).toMatchObject({ reason: 'duplicate_payload', broken: false });
    const two = join(slice(good, recordMessage), slice(good, recordMessage));
    expect(refusal(() => decoder.decode(barOf([{ name: 'LOGS', record: two }])))).toMatchObject({ reason: 'two_record_batches', broken: false });
    expectGoesOn(decoder);
  });

  test('record before schema, and under a new schema_id without a schema: broken', () => {
    const headless = [{ name: 'LOGS' as const, record: slice(good, recordMessage) }];
    expect(refusal(() => new OtapStreamDecoder('logs').decode(barOf(headless)))).toMatchObject({ reason: 'record_before_schema', broken: true });
    const decoder = new OtapStreamDecoder('logs');
    decoder.decode(barOf([{ name: 'LOGS', record: good }]));
    expect(refusal(() => decoder.decode(barOf([{ ...headless[0], schemaId: 'other' }])))).toMatchObject({ reason: 'record_before_schema', broken: true });
  });

  test('too many payloads for the limit: refused', () => {
    const decoder = new OtapStreamDecoder('logs', { payloadsMax: 1 });
    expect(refusal(() => decoder.decode(barOf([{ name: 'LOGS', record: good }, { name: 'LOG_ATTRS', record: good }]))).reason).toBe('over_limit');
  });
});

describe('record batch', () => {
  const [firstNode] = recordMessage.nodes;
  const cases: readonly (readonly [string, Uint8Array])[] = [
    ['node longer than the batch', withInt64(good, firstNode, 5n)],
    ['node shorter than the batch', withInt64(good, firstNode, 3n)],
    ['negative node length', withInt64(good, firstNode, -1n)],
    ['huge node length', withInt64(good, firstNode, 1n << 62n)],
    ['more nulls than rows', withInt64(good, firstNode + 8, 5n)],
    ['negative null count', withInt64(good, firstNode + 8, -1n)],
    ['nulls without a bitmap', withInt64(good, firstNode + 8, 1n)],
    ['buffer offset beyond the body', withInt64(good, recordMessage.buffers[1], 1n << 20n)],
    ['negative buffer offset', withInt64(good, recordMessage.buffers[1], -8n)],
    ['buffer longer than the body', withInt64(good, recordMessage.buffers[1] + 8, 1n << 20n)],
    ['huge buffer length', withInt64(good, recordMessage.buffers[1] + 8, (1n << 63n) - 1n)],
    ['buffer shorter than its rows', withInt64(good, recordMessage.buffers[1] + 8, 4n)],
    ['offsets shorter than their rows', withInt64(good, recordMessage.buffers[7] + 8, 16n)],
    ['text shorter than its offsets', withInt64(good, recordMessage.buffers[8] + 8, 5n)],
  ];

  test.each(cases)('%s: refused, the stream goes on', (_, record) => {
    const decoder = new OtapStreamDecoder('logs');
    expect(refusal(() => readAll(decoder.decode(barOf([{ name: 'LOGS', record }], 77n))))).toMatchObject({ reason: 'malformed_ipc', broken: false, batchId: 77n });
    expectGoesOn(decoder);
  });

  test('offsets that fall: refused when read', () => {
    const at = recordMessage.body + Number(new DataView(good.buffer, good.byteOffset).getBigInt64(recordMessage.buffers[7], true));
    const bad = withBytes(good, at + 4, [9, 0, 0, 0]);
    expect(refusalOf(bad)).toMatchObject({ reason: 'malformed_ipc', broken: false });
    expect(refusalOf(withBytes(good, at, [0xff, 0xff, 0xff, 0xff])).reason).toBe('malformed_ipc');
  });

  test('a dictionary code out of range: refused when read, the rest of the batch can be read', () => {
    const at = recordMessage.body + Number(new DataView(good.buffer, good.byteOffset).getBigInt64(recordMessage.buffers[5], true));
    const batch = new OtapStreamDecoder('logs').decode(barOf([{ name: 'LOGS', record: withBytes(good, at + 2, [3]) }]));
    const refused = refusal(() => batch.table('LOGS')?.column('severity_text'));
    expect(refused).toMatchObject({ reason: 'invalid_values', broken: false, message: 'LOGS: column severity_text, row 2: code 3 in a dictionary of 3' });
    expect(batch.table('LOGS')?.column('severity_number')?.length).toBe(4);
  });

  test('every offset of the metadata changed: a refusal or a batch, nothing else', () => {
    for (const { metadata, body } of [schemaMessage, dictionaryMessage, recordMessage]) {
      for (let at = metadata; at + 4 <= body; at++) {
        for (const value of [0xff, 0x7f, good[at] + 1, good[at] - 1, 0]) {
          const decoder = new OtapStreamDecoder('logs');
          try {
            readAll(decoder.decode(barOf([{ name: 'LOGS', record: withBytes(good, at, [value]) }])));
          } catch (error) {
            if (!(error instanceof OtapDecodeError)) throw error;
          }
        }
      }
    }
  });
});

describe('schema', () => {
  test('a column of a type that it cannot have: refused by name, others of the stream go on, and so does a later good schema', () => {
    const wrong = arrowRecord([{ name: 'severity_number', type: new Utf8(), values: ['9'] }]);
    const decoder = new OtapStreamDecoder('logs');
    const message = 'LOGS: column severity_number: expected i32, got utf8';
    expect(refusal(() => decoder.decode(barOf([{ name: 'LOGS', record: wrong }])))).toMatchObject({ reason: 'column_type', broken: false, message });
    const again = slice(wrong, messagesOf(wrong)[1]);
    expect(refusal(() => decoder.decode(barOf([{ name: 'LOGS', record: again }])))).toMatchObject({ reason: 'column_type', broken: false });
    const fresh = new OtapStreamDecoder('logs');
    fresh.decode(decoder.state());
    expect(refusal(() => fresh.decode(barOf([{ name: 'LOGS', record: again }])))).toMatchObject({ reason: 'column_type', broken: false });
    decoder.decode(barOf([{ name: 'LOGS', record: good }]));
    expectGoesOn(decoder);
  });

  test('columns of unknown names are counted and skipped', () => {
    const record = arrowRecord([{ name: 'shoe_size', type: new Int32(), values: [1, 2] }, { name: 'mood', type: texts, values: ['a', 'b'] }, ...columns.slice(0, 1).map((column) => ({ ...column, values: [3, 4] }))]);
    const decoder = new OtapStreamDecoder('logs');
    const table = decoder.decode(barOf([{ name: 'LOGS', record }])).table('LOGS');
    expect(decoder.ignoredColumnCount).toBe(2);
    expect(table?.paths).toEqual(['id']);
    expect([...(table?.ids('id')?.values ?? [])]).toEqual([3, 7]);
  });
});

describe('dictionaries', () => {
  const other = arrowRecord([{ ...severities, values: ['FATAL', 'FATAL', 'DEBUG', 'INFO'] }]);

  test('a delta of a dictionary that never came: broken', () => {
    const record = join(slice(good, schemaMessage), deltaMessage(dictionaryId, ['x']), slice(good, recordMessage));
    expect(refusalOf(record)).toMatchObject({ reason: 'delta_without_dictionary', broken: true });
  });

  test('deltas append, within a batch and from batch to batch, and batches keep their own view', () => {
    const decoder = new OtapStreamDecoder('logs');
    const before = decoder.decode(barOf([{ name: 'LOGS', record: good }]));
    const record = Uint8Array.from(slice(good, recordMessage));
    const [part] = messagesOf(record);
    const codesAt = part.body + Number(new DataView(record.buffer).getBigInt64(part.buffers[5], true));
    const deltas = [deltaMessage(dictionaryId, ['TRACE']), deltaMessage(dictionaryId, []), deltaMessage(dictionaryId, ['DEBUG', 'FATAL'])];
    const after = decoder.decode(barOf([{ name: 'LOGS', record: join(...deltas, withBytes(record, codesAt, [3, 5, 4, 0])) }]));
    expect(textsOf(after)).toEqual(['TRACE', 'FATAL', 'DEBUG', 'INFO']);
    expect(textsOf(before)).toEqual(['INFO', 'WARN', 'INFO', 'ERROR']);
    const views = [before, after].map((batch) => batch.table('LOGS')?.column('severity_text')).map((column) => (column?.kind === 'dictionary' ? column.dictionary : null));
    expect(views.map((view) => view?.size)).toEqual([3, 6]);
    expect(views[0]?.store).toBe(views[1]?.store);
  });

  test('deltas that nobody reads do not pile up as messages', () => {
    const decoder = new OtapStreamDecoder('logs');
    decoder.decode(barOf([{ name: 'LOGS', record: good }]));
    const delta = deltaMessage(dictionaryId, ['x'.repeat(10)]);
    for (let index = 0; index < 2_000; index++) decoder.decode(barOf([{ name: 'LOGS', record: delta }]));
    expect(decoder.byteLength).toBeLessThan(2_000 * 150 + 200_000);
    expect(2_000 * delta.length).toBeGreaterThan(400_000);
    const [part] = messagesOf(slice(good, recordMessage));
    const record = slice(good, recordMessage);
    const codesAt = part.body + Number(new DataView(record.buffer, record.byteOffset).getBigInt64(part.buffers[5], true));
    expect(textsOf(decoder.decode(barOf([{ name: 'LOGS', record: withBytes(record, codesAt, [2, 3, 200, 0]) }])))).toEqual(['ERROR', 'x'.repeat(10), 'x'.repeat(10), 'INFO']);
  });

  test('null entries of a dictionary are null, in a state too', () => {
    const record = arrowRecord([{ name: 'severity_text', type: texts, values: dictionaryData(texts, Uint8Array.of(0, 1, 2, 1), ['a', null, 'b']) }]);
    const first = new OtapStreamDecoder('logs');
    const batches = [first.decode(barOf([{ name: 'LOGS', record }]))];
    const second = new OtapStreamDecoder('logs');
    second.decode(first.state());
    const [, , rows] = messagesOf(record);
    batches.push(second.decode(barOf([{ name: 'LOGS', record: slice(record, rows) }])));
    for (const batch of batches) {
      const column = batch.table('LOGS')?.column('severity_text') ?? null;
      expect([0, 1, 2, 3].map((row) => (column === null ? null : textAt(column, row)))).toEqual(['a', null, 'b', null]);
    }
  });

  test('a replacement is not seen by batches that came before it', () => {
    const decoder = new OtapStreamDecoder('logs');
    const before = decoder.decode(barOf([{ name: 'LOGS', record: arrowRecord([severities]) }]));
    const after = decoder.decode(barOf([{ name: 'LOGS', record: join(...messagesOf(other).slice(1).map((part) => slice(other, part))) }]));
    expect(textsOf(before)).toEqual(['INFO', 'WARN', 'INFO', 'ERROR']);
    expect(textsOf(after)).toEqual(['FATAL', 'FATAL', 'DEBUG', 'INFO']);
  });

  test('a dictionary that is not in the schema: broken', () => {
    const plain = arrowRecord([columns[0]]);
    const [schema, record] = messagesOf(plain);
    expect(refusalOf(join(slice(plain, schema), slice(good, dictionaryMessage), slice(plain, record)))).toMatchObject({ reason: 'malformed_ipc', broken: true });
  });

  test('invalid UTF-8 in a dictionary and in a native column: refused when read as text', () => {
    const at = Buffer.from(good).indexOf('WARN');
    expect(refusalOrCode(() => readAll(new OtapStreamDecoder('logs').decode(barOf([{ name: 'LOGS', record: withBytes(good, at, [0xc3, 0x28]) }]))))).toBe('invalid_utf8');
  });

  test('values that cannot be read: every batch that uses them is lost, and it is said that the stream is', () => {
    const bytes = Buffer.from(good);
    const bad = withInt64(good, dictionaryMessage.buffers[2] + 8, 3n);
    expect(bytes.length).toBe(bad.length);
    const batch = new OtapStreamDecoder('logs').decode(barOf([{ name: 'LOGS', record: bad }]));
    expect(batch.table('LOGS')?.column('severity_number')?.length).toBe(4);
    expect(refusal(() => textsOf(batch))).toMatchObject({ reason: 'malformed_ipc', broken: true });
    expect(refusal(() => textsOf(batch))).toMatchObject({ reason: 'malformed_ipc', broken: true });
  });
});

describe('limits', () => {
  test('rows, dictionary entries and bytes', () => {
    expect(refusalOf(good, { rowsMax: 3 })).toMatchObject({ reason: 'over_limit', broken: false, message: 'LOGS: rows: 4 is over the limit of 3' });
    expect(refusalOf(good, { dictionaryEntriesMax: 2 })).toMatchObject({ reason: 'over_limit', broken: true });
    expect(refusalOf(good, { dictionaryBytesMax: 100 })).toMatchObject({ reason: 'over_limit', broken: true });
    expect(refusalOf(good, { batchBytesMax: 40 })).toMatchObject({ reason: 'over_limit', broken: false });
  });

  test('deltas and schema resets do not add up past the limit, and a reset gives its room back', () => {
    const decoder = new OtapStreamDecoder('logs', { dictionaryBytesMax: 2_000 });
    for (let reset = 0; reset < 100; reset++) decoder.decode(barOf([{ name: 'LOGS', record: good, schemaId: `${reset}` }]));
    const delta = join(deltaMessage(dictionaryId, ['FATAL', 'DEBUG']), slice(good, recordMessage));
    const grow = (): void => {
      for (let index = 0; index < 100; index++) decoder.decode(barOf([{ name: 'LOGS', record: delta, schemaId: '99' }]));
    };
    expect(refusal(grow)).toMatchObject({ reason: 'over_limit', broken: true });
    expect(decoder.byteLength).toBeLessThan(20_000);
  });

  const plain = readCaptureFile('pyarrow/logs_zstd.arrows');
  const lastMessage = messagesOf(plain).at(-1);
  const compressedAt = (buffer: number): number => (lastMessage?.body ?? 0) + Number(plain.readBigInt64LE(lastMessage?.buffers[buffer] ?? 0));

  test('a buffer that declares more than the limit is refused before it is decompressed', () => {
    const bomb = withInt64(plain, compressedAt(1), 1n << 30n);
    expect(refusalOf(bomb)).toMatchObject({ reason: 'over_limit', broken: false });
    expect(refusalOf(withInt64(plain, compressedAt(1), 1n << 40n))).toMatchObject({ reason: 'malformed_ipc', broken: false });
    expect(refusalOf(withInt64(plain, compressedAt(1), -2n))).toMatchObject({ reason: 'malformed_ipc', broken: false });
  });

  test('a frame that holds more or less than declared is refused', () => {
    const declared = plain.readBigInt64LE(compressedAt(1));
    expect(declared).toBeGreaterThan(0n);
    expect(refusalOf(withInt64(plain, compressedAt(1), declared + 8n)).reason).toBe('size_mismatch');
    const bytes = zstdCompressSync(new Uint8Array(1_000_000));
    expect(bytes.length).toBeLessThan(200);
    expect(refusalOf(withBytes(plain, compressedAt(1) + 8, [...bytes])).reason).toBe('malformed_zstd');
  });

  test('a capture is decoded within tight limits that still hold it', () => {
    const decoder = new OtapStreamDecoder('logs', { batchBytesMax: 200_000, rowsMax: 1_000, payloadsMax: 4, dictionaryBytesMax: 4_000_000 });
    for (const bar of readCapture('logs_zstd')) decoder.decode(bar);
    expect(decoder.byteLength).toBeLessThan(8_000_000);
  });
});

function textsOf(batch: OtapBatch): string[] {
  const column = batch.table('LOGS')?.column('severity_text');
  if (column?.kind !== 'dictionary') throw new Error('no dictionary');
  return Array.from(column.codes, (code) => column.dictionary.store.text(code));
}

function refusalOrCode(run: () => void): string {
  try {
    run();
  } catch (error) {
    if (error instanceof Error && 'reason' in error) return String(error.reason);
    throw error;
  }
  return 'none';
}
