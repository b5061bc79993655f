import { execFile } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { existsSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { OtapStreamDecoder } from '../src/otap/decode/stream-decoder.ts';
import { OutputBatchBuilder } from '../src/otap/take/builder.ts';
import { RequestEncoder } from '../src/otlp/encode/requests.ts';
import { joinDelimited } from '../test/support/otapverify.ts';
import { cachePath, ensureCapture } from './generate.ts';
import { firstMessages } from './readers.ts';

/** Spans of a base; each playing of it has other trace ids. */
const baseSpans = 200_000;
const version = 1;

/** The path of `baseSpans` spans as OTLP requests of `spans` each: repeated [uvarint length][ExportTraceServiceRequest]. */
export function ensureBase(spans: number): string {
  const path = cachePath(`otlp-v${version}-${spans}.pb`);
  if (existsSync(path)) return path;
  const capture = ensureCapture({ signal: 'traces', batchRows: spans, items: baseSpans, itemsPerSecond: 10_000 });
  const decoder = new OtapStreamDecoder('traces');
  const encoder = new RequestEncoder('proto', 2 ** 30);
  const requests: Uint8Array[] = [];
  for (const message of firstMessages(capture, baseSpans, spans)) {
    const batch = decoder.decode(message);
    const builder = new OutputBatchBuilder('traces', batch.rowCount);
    builder.append(batch, Uint32Array.from({ length: batch.rowCount }, (_, row) => row), null);
    for (const { bytes } of encoder.encode(builder.finish())) requests.push(bytes.slice());
  }
  const unfinished = `${path}.${process.pid}`;
  writeFileSync(unfinished, joinDelimited(requests));
  renameSync(unfinished, path);
  return path;
}

/** The path of at least `total` spans of new traces each, played from the base and compressed with gzip. It takes the place of one of another length. */
export async function ensureCompressed(program: string, spans: number, total: number): Promise<string> {
  const path = cachePath(`otlp-v${version}-${spans}-${total}.gz`);
  if (existsSync(path)) return path;
  for (const name of readdirSync(dirname(path)).filter((other) => /^otlp-.*\.gz$/.test(other) && other.split('-')[2] === String(spans))) rmSync(join(dirname(path), name));
  const unfinished = `${path}.${process.pid}`;
  await promisify(execFile)(program, ['prepare', '-base', ensureBase(spans), '-output', unfinished, '-spans', String(total), '-first', firstPlaying()]);
  renameSync(unfinished, path);
  return path;
}

/** Number of a playing that no other run begins with, so that luck with trace ids is not the same each time. */
export function firstPlaying(): string {
  return String(randomInt(2 ** 40));
}
