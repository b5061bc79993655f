import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { Signal } from '../../src/otap/payload-type.ts';

/** A recorded stream under test/golden/captures. */
export interface Capture {
  readonly name: string;
  readonly signal: Signal;
  /** Its file, without the directory. */
  readonly file: string;
  readonly truth: string;
  /** Line i of the truth is batch i; else only the sets of items are the same. */
  readonly batchwise: boolean;
}

export const directory = join(import.meta.dirname, '../golden/captures');

function capture(name: string, signal: Signal, extension: '.otap' | '.otap.gz', truth: 'jsonl' | 'pb', batchwise: boolean): Capture {
  return { name, signal, file: name + extension, truth: `${name}.truth.${truth}.gz`, batchwise };
}

export const captures: readonly Capture[] = [
  capture('traces_zstd', 'traces', '.otap', 'jsonl', true),
  capture('traces_tiny_nozstd', 'traces', '.otap.gz', 'pb', true),
  capture('logs_zstd', 'logs', '.otap', 'jsonl', true),
  capture('logs_tiny_u8_nozstd', 'logs', '.otap.gz', 'pb', true),
  capture('metrics_zstd', 'metrics', '.otap', 'jsonl', true),
  capture('collector_traces', 'traces', '.otap', 'jsonl', false),
  capture('collector_logs', 'logs', '.otap', 'jsonl', false),
  capture('collector_metrics', 'metrics', '.otap', 'jsonl', false),
  capture('rust/rust_traces', 'traces', '.otap', 'pb', false),
  capture('rust/rust_logs', 'logs', '.otap', 'pb', false),
  capture('rust/rust_metrics', 'metrics', '.otap', 'pb', false),
];

export const captureNames: readonly string[] = captures.map(({ name }) => name);

/** The capture of this name. */
export function captureOf(name: string): Capture {
  const found = captures.find((capture) => capture.name === name);
  if (found === undefined) throw new Error(`no capture ${name}`);
  return found;
}

/** A file of the captures' directory, unpacked where it ends in .gz. */
export function readCaptureFile(file: string): Buffer {
  const bytes = readFileSync(join(directory, file));
  return file.endsWith('.gz') ? gunzipSync(bytes) : bytes;
}

/** The BatchArrowRecords messages of a capture, in order. */
export function readCapture(name: string): Uint8Array[] {
  return splitDelimited(readCaptureFile(captureOf(name).file));
}

/** Splits repeated [uvarint length][bytes]; each part at an offset of its own, as a transport would give it. */
export function splitDelimited(bytes: Uint8Array): Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    let length = 0;
    let shift = 0;
    let byte: number;
    do {
      byte = bytes[at++];
      length += (byte & 0x7f) * 2 ** shift;
      shift += 7;
    } while (byte >= 0x80);
    if (at + length > bytes.length) throw new Error('capture ends inside a message');
    parts.push(bytes.subarray(at, at + length));
    at += length;
  }
  return parts;
}
