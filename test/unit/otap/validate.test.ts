import { Binary, Dictionary, Uint16, Uint8, Utf8 } from 'apache-arrow';
import { describe, expect, it } from 'vitest';
import { CodedError } from '../../../src/base/errors.ts';
import { OtapStreamDecoder } from '../../../src/otap/decode/stream-decoder.ts';
import { BatchValidator } from '../../../src/otap/decode/validate.ts';
import { arrowRecord, barOf, dictionaryData, type TestColumn } from '../../support/arrow-bar.ts';
import { captureNames, captureOf, readCapture } from '../../support/captures.ts';

describe('a validator', () => {
  it.each(captureNames)('finds nothing wrong in %s', (name) => {
    const decoder = new OtapStreamDecoder(captureOf(name).signal);
    const validator = new BatchValidator();
    for (const bar of readCapture(name)) validator.validate(decoder.decode(bar));
  });

  const utf8 = new Dictionary(new Utf8(), new Uint8());
  const row = (column: TestColumn): TestColumn[] => [{ name: 'id', type: new Uint16(), values: [0, 1] }, column];

  it.each([
    ['a dictionary code out of range', 'invalid_values', row({ name: 'severity_text', type: utf8, values: dictionaryData(utf8, Uint8Array.of(0, 9), ['INFO']) })],
    ['ids whose sum is above u16', 'id_overflow', [{ name: 'id', type: new Uint16(), values: [65_535, 1] }]],
  ])('refuses %s', (_what, reason, columns) => {
    expect(reasonOf(() => validate(arrowRecord(columns)))).toBe(reason);
  });

  it.each([
    ['text that is not UTF-8', ['QQ', 'ZZ'], [0x61, 0xc3, 0x61, 0x62]],
    ['a character cut between two values', ['Q', 'QZZ'], [0xc3, 0xa4, 0x61, 0x62]],
  ])('refuses %s', (_what, values, bytes) => {
    const record = arrowRecord(row({ name: 'schema_url', type: new Utf8(), values }));
    expect(reasonOf(() => validate(record))).toBe('none');
    const at = Buffer.from(record.buffer, record.byteOffset, record.length).indexOf(values.join(''));
    record.set(bytes, at);
    expect(reasonOf(() => validate(record))).toBe('invalid_utf8');
  });

  it('refuses an attribute type that there is none of', () => {
    const attributes: TestColumn[] = [
      { name: 'parent_id', type: new Uint16(), values: [0] },
      { name: 'key', type: new Utf8(), values: ['k'] },
      { name: 'type', type: new Uint8(), values: [8] },
    ];
    expect(reasonOf(() => validate(arrowRecord([{ name: 'id', type: new Uint16(), values: [0] }]), attributes))).toBe('invalid_values');
  });

  it('refuses CBOR that cannot be read, and only where it is used', () => {
    const ser = new Dictionary(new Binary(), new Uint16());
    const attributes = (codes: Uint16Array): TestColumn[] => [
      { name: 'parent_id', type: new Uint16(), values: [0, 0] },
      { name: 'key', type: new Utf8(), values: ['k', 'l'] },
      { name: 'type', type: new Uint8(), values: [5, 5] },
      { name: 'ser', type: ser, values: dictionaryData(ser, codes, [Uint8Array.of(0xa0), Uint8Array.of(0xa1, 0x61)]) },
    ];
    const root = arrowRecord([{ name: 'id', type: new Uint16(), values: [0] }]);
    expect(reasonOf(() => validate(root, attributes(Uint16Array.of(0, 1))))).toBe('invalid_cbor');
    expect(reasonOf(() => validate(root, attributes(Uint16Array.of(0, 0))))).toBe('none');
  });
});

function validate(root: Uint8Array, attributes: readonly TestColumn[] | null = null): void {
  const payloads = [
    { name: 'LOGS' as const, record: root },
    ...(attributes === null ? [] : [{ name: 'LOG_ATTRS' as const, record: arrowRecord(attributes) }]),
  ];
  new BatchValidator().validate(new OtapStreamDecoder('logs').decode(barOf(payloads)));
}

function reasonOf(run: () => void): string {
  try {
    run();
    return 'none';
  } catch (error) {
    if (error instanceof CodedError) return error.reason;
    throw error;
  }
}
