import type { Signal } from '../../otap/payload-type.ts';
import { delimitedLength } from '../../otap/proto/wire-writer.ts';
import { type ItemStamps, replacedStamps, stampKeys } from '../../otap/take/item-stamps.ts';
import { type KeyValue, plainValueTag, readKeyValue } from '../decode/key-value.ts';
import { pastValue } from '../decode/member.ts';
import { pastVarint, startAt, tagAt } from '../decode/varint.ts';
import type { GrowingBytes } from './growing-bytes.ts';

/** Where sampling writes in an item's message (opentelemetry-proto: trace.proto, logs.proto). */
interface StampFields {
  readonly attributes: number;
  /** 0 where the message has none. */
  readonly traceState: number;
}

const stampFields = {
  traces: { attributes: 9, traceState: 3 },
  logs: { attributes: 6, traceState: 0 },
  metrics: { attributes: 0, traceState: 0 },
} as const satisfies Record<Signal, StampFields>;

const bytesWire = 2;
const prefix = 's'.charCodeAt(0);
const keys = { adjustedCount: Buffer.from(stampKeys.adjustedCount), threshold: Buffer.from(stampKeys.threshold), randomness: Buffer.from(stampKeys.randomness), policy: Buffer.from(stampKeys.policy), partial: Buffer.from(stampKeys.partial) };

/** What is written on items, and where. */
export interface Stamping {
  readonly stamps: ItemStamps;
  readonly fields: StampFields;
  /** Keys of the attributes that go; all begin with `prefix`. */
  readonly replaced: readonly Buffer[];
}

export function stampingOf(signal: Signal, stamps: ItemStamps): Stamping {
  return { stamps, fields: stampFields[signal], replaced: replacedStamps(stamps).map((name) => keys[name]) };
}

/**
 * Copies the item bytes[start, end) field by field, known or not, but for what the stamps replace, and writes the stamps behind it. In protobuf the
 * order of fields means nothing. `at`: which of the stamps are the item's.
 */
export function writeStamped(out: GrowingBytes, bytes: Buffer, start: number, end: number, { stamps, fields, replaced }: Stamping, at: number): void {
  const traceState = stamps.traceState?.[at] ?? null;
  const attributeTag = fields.attributes * 8 + bytesWire;
  const traceStateTag = traceState === null ? -1 : fields.traceState * 8 + bytesWire;
  let kept = start;
  for (let from = start; from < end; ) {
    const tag = tagAt(bytes, from);
    const value = pastVarint(bytes, from, end);
    const past = pastValue(bytes, value, end, tag & 7);
    if (tag === traceStateTag || (tag === attributeTag && isReplaced(bytes, startAt(bytes, value), past, replaced))) {
      if (from > kept) out.copy(bytes, kept, from);
      kept = past;
    }
    from = past;
  }
  if (end > kept) out.copy(bytes, kept, end);
  if (traceState !== null && traceState !== '') writeText(out, fields.traceState, traceState);
  writeStamps(out, fields.attributes, stamps, at);
}

const parts: KeyValue = { keyStart: 0, keyEnd: 0, value: 0 };

/** Whether the attribute bytes[start, end) has one of the keys. */
function isReplaced(bytes: Buffer, start: number, end: number, replaced: readonly Buffer[]): boolean {
  if (bytes[start + 2] !== prefix && plainValueTag(bytes, start, end) !== 0) return false;
  readKeyValue(bytes, start, end, parts);
  const { keyStart, keyEnd } = parts;
  for (const key of replaced) if (keyEnd - keyStart === key.length && bytes.compare(key, 0, key.length, keyStart, keyEnd) === 0) return true;
  return false;
}

function writeStamps(out: GrowingBytes, field: number, stamps: ItemStamps, at: number): void {
  const count = stamps.adjustedCount[at];
  if (!Number.isNaN(count)) writeCount(out, field, count);
  const { threshold, randomness, policy = null, partial = null } = stamps;
  writeAttribute(out, field, keys.threshold, threshold?.[at] ?? null);
  writeAttribute(out, field, keys.randomness, randomness?.[at] ?? null);
  writeAttribute(out, field, keys.policy, policy?.[at] ?? null);
  writeAttribute(out, field, keys.partial, partial);
}

/** KeyValue { key = 1, value = 2 { double_value = 4 } }. */
function writeCount(out: GrowingBytes, field: number, count: number): void {
  const key = keys.adjustedCount;
  out.byte(field * 8 + bytesWire);
  out.varint(2 + key.length + 2 + 9);
  out.byte(0x0a);
  out.byte(key.length);
  out.copy(key, 0, key.length);
  out.byte(0x12);
  out.byte(9);
  out.byte(0x21);
  out.double(count);
}

/** KeyValue { key = 1, value = 2 { string_value = 1 } }; nothing where there is no text. */
function writeAttribute(out: GrowingBytes, field: number, key: Buffer, text: string | null): void {
  if (text === null) return;
  const length = Buffer.byteLength(text);
  const valueLength = delimitedLength(length);
  out.byte(field * 8 + bytesWire);
  out.varint(2 + key.length + delimitedLength(valueLength));
  out.byte(0x0a);
  out.byte(key.length);
  out.copy(key, 0, key.length);
  out.byte(0x12);
  out.varint(valueLength);
  writeText(out, 1, text);
}

function writeText(out: GrowingBytes, field: number, text: string): void {
  out.byte(field * 8 + bytesWire);
  out.varint(Buffer.byteLength(text));
  out.text(text);
}
