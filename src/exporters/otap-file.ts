import { extname } from 'node:path';
import { CaptureWriter } from '../otap/capture-file.ts';
import { type EncodeOptions, OtapStreamEncoder } from '../otap/encode/stream-encoder.ts';
import type { Signal } from '../otap/payload-type.ts';
import type { OutputBatch } from '../otap/take/output-batch.ts';
import type { BatchSink } from '../pipeline/sink.ts';

/** One file of one signal, written as one OTAP stream. */
interface OpenFile {
  readonly writer: CaptureWriter;
  readonly encoder: OtapStreamEncoder;
  batchId: bigint;
}

export interface OtapFileExporterOptions {
  readonly name: string;
  readonly path: string;
  /** Whether the path is for one signal only; else each signal gets a file of its own, see `pathOfSignal`. */
  readonly isSingle: boolean;
  readonly encode: EncodeOptions;
  readonly onExported: (signal: Signal, items: number, bytes: number) => void;
}

/** Writes capture files: repeated [uvarint length][BatchArrowRecords]. Existing files are replaced. */
export class OtapFileExporter implements BatchSink {
  readonly name: string;
  readonly queuedBytes = 0;
  readonly #options: OtapFileExporterOptions;
  readonly #files = new Map<Signal, OpenFile>();
  /** The file of the one signal, until that is known. */
  #single: CaptureWriter | null;

  /** A file for one signal is opened at once, so that it is there, if empty, should nothing come; throws what `openFile` throws. */
  constructor(options: OtapFileExporterOptions) {
    this.name = options.name;
    this.#options = options;
    this.#single = options.isSingle ? new CaptureWriter(options.path) : null;
  }

  async push(batch: OutputBatch): Promise<void> {
    const file = this.#fileOf(batch.signal);
    const bytes = file.encoder.encode(file.batchId++, batch);
    file.writer.write(bytes);
    this.#options.onExported(batch.signal, batch.rowCount, bytes.length);
  }

  async drain(): Promise<void> {
    this.#single?.close();
    this.#single = null;
    for (const { writer } of this.#files.values()) writer.close();
    this.#files.clear();
  }

  #fileOf(signal: Signal): OpenFile {
    const open = this.#files.get(signal);
    if (open !== undefined) return open;
    const { path, encode } = this.#options;
    const writer = this.#single ?? new CaptureWriter(pathOfSignal(path, signal));
    this.#single = null;
    const file: OpenFile = { writer, encoder: new OtapStreamEncoder(signal, encode), batchId: 0n };
    this.#files.set(signal, file);
    return file;
  }
}

/** `{signal}` in the path is replaced; without it the signal goes before the ending: out.otap -> out.traces.otap. */
export function pathOfSignal(path: string, signal: Signal): string {
  if (path.includes('{signal}')) return path.replaceAll('{signal}', signal);
  const ending = extname(path);
  return `${path.slice(0, path.length - ending.length)}.${signal}${ending}`;
}
