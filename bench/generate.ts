import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { packageFile } from '../src/base/package-paths.ts';
import type { OtapBatch } from '../src/otap/batch.ts';
import { CaptureReader, CaptureWriter } from '../src/otap/capture-file.ts';
import { OtapStreamDecoder } from '../src/otap/decode/stream-decoder.ts';
import { OtapStreamEncoder } from '../src/otap/encode/stream-encoder.ts';
import { OutputBatchBuilder } from '../src/otap/take/builder.ts';
import { eventTimes } from '../src/pipeline/slot-rows.ts';
import { LookupCache } from '../src/store/lookup.ts';
import type { SampledSignal } from '../src/store/slot-plan.ts';
import { movedBatch } from './moved-batch.ts';

/** Raised when the files that `generate` writes change, so that cached ones are made again. */
const version = 2;
/** Event time of the first item, on the boundary of every window length in use. */
export const startUnixNano = 1_790_000_000_000_000_000;

export interface CaptureParameters {
  readonly signal: SampledSignal;
  /** Items of each batch; the last one may have fewer. */
  readonly batchRows: number;
  readonly items: number;
  /** Items that share a second of event time. */
  readonly itemsPerSecond: number;
}

const recordings = { traces: 'test/golden/captures/traces_zstd.otap', logs: 'test/golden/captures/logs_zstd.otap' } as const;

/** Where generated files and profiles are kept. */
export function cachePath(name: string): string {
  const directory = packageFile('node_modules/.cache/thresher-bench');
  mkdirSync(directory, { recursive: true });
  return `${directory}/${name}`;
}

/** The path of a capture file with these parameters, which is made where it is not there yet. */
export function ensureCapture(parameters: CaptureParameters): string {
  const { signal, batchRows, items, itemsPerSecond } = parameters;
  const path = cachePath(`v${version}-${signal}-${batchRows}-${items}-${itemsPerSecond}.otap`);
  if (!existsSync(path)) {
    const unfinished = `${path}.${process.pid}`;
    writeCapture(unfinished, parameters);
    renameSync(unfinished, path);
  }
  return path;
}

/** Plays the recorded stream of the signal over and over, as new traffic each time, in batches of one size with zstd bodies. */
export function writeCapture(path: string, { signal, batchRows, items, itemsPerSecond }: CaptureParameters): void {
  const recording = readRecording(signal);
  const time = clockOf(recording, itemsPerSecond);
  const builder = new OutputBatchBuilder(signal, batchRows);
  const encoder = new OtapStreamEncoder(signal, { bodyCompression: 'zstd', zstdLevel: 1 });
  const writer = new CaptureWriter(path);
  const rounds = new Uint32Array(batchRows);
  let batchId = 0n;
  const flush = (): void => {
    if (builder.rowCount > 0) writer.write(encoder.encode(batchId++, movedBatch(builder.finish(), { rounds, time })));
  };
  let left = items;
  for (let round = 0; left > 0; round++) {
    for (const batch of recording.batches) {
      for (let from = 0; from < batch.rowCount && left > 0; ) {
        const count = Math.min(batch.rowCount - from, builder.room, left);
        rounds.fill(round, builder.rowCount, builder.rowCount + count);
        builder.append(batch, Uint32Array.from({ length: count }, (_, i) => from + i), null);
        from += count;
        left -= count;
        if (builder.room === 0) flush();
      }
    }
  }
  flush();
  writer.close();
}

interface Recording {
  readonly batches: readonly OtapBatch[];
  readonly items: number;
  /** Where the first and the last batch start, ns. */
  readonly firstNano: number;
  readonly lastNano: number;
}

function readRecording(signal: SampledSignal): Recording {
  const reader = new CaptureReader(packageFile(recordings[signal]));
  const decoder = new OtapStreamDecoder(signal);
  const lookups = new LookupCache();
  const batches: OtapBatch[] = [];
  let [items, firstNano, lastNano] = [0, Infinity, 0];
  for (let bytes = reader.next(); bytes !== null; bytes = reader.next()) {
    const batch = decoder.decode(bytes);
    const { min } = eventTimes(batch, lookups);
    firstNano = Math.min(firstNano, min ?? Infinity);
    lastNano = Math.max(lastNano, min ?? 0);
    items += batch.rowCount;
    batches.push(batch);
  }
  reader.close();
  return { batches, items, firstNano, lastNano };
}

/** Stretches the recording so that each playing takes as long as its items need at the wanted rate; late items reach into the next. */
function clockOf({ items, firstNano, lastNano }: Recording, itemsPerSecond: number): (nano: number, round: number) => number {
  const roundNano = (items / itemsPerSecond) * 1e9;
  const stretch = roundNano / (lastNano - firstNano);
  return (nano, round) => (nano === 0 ? 0 : Math.round(startUnixNano + round * roundNano + (nano - firstNano) * stretch));
}

function main(): void {
  const { values } = parseArgs({
    options: {
      signal: { type: 'string', default: 'traces' }, rows: { type: 'string', default: '1000' },
      items: { type: 'string', default: '1000000' }, rate: { type: 'string', default: '10000' },
    },
  });
  const signal = values.signal === 'logs' ? 'logs' : 'traces';
  const path = ensureCapture({ signal, batchRows: Number(values.rows), items: Number(values.items), itemsPerSecond: Number(values.rate) });
  process.stdout.write(`${path}\n`);
}

if (import.meta.main) main();
