import { extname } from 'node:path';
import { messageOf } from '../base/errors.ts';
import { CaptureWriter } from '../otap/capture-file.ts';
import { type EncodeOptions, OtapStreamEncoder } from '../otap/encode/stream-encoder.ts';
import type { Signal } from '../otap/payload-type.ts';
import type { OutputBatch } from '../otap/take/output-batch.ts';
import type { BatchSink } from '../pipeline/sink.ts';
import { FileTimes } from './file-times.ts';

/** One file of one signal, written as one OTAP stream. */
interface OpenFile {
  readonly writer: CaptureWriter;
  readonly encoder: OtapStreamEncoder;
  batchId: bigint;
  /** Why no more can be written to it; null while it can. */
  failure: string | null;
}

export interface OtapFileExporterOptions {
  readonly name: string;
  readonly path: string;
  /** Whether the path is for one signal only; else each signal gets a file of its own, see `pathOfSignal`. */
  readonly isSingle: boolean;
  readonly encode: EncodeOptions;
  readonly onExported: (signal: Signal, items: number, bytes: number) => void;
  /** A file that is as long is followed by another; null: never. Of use only with `{time}` in the path. */
  readonly bytesMax?: number | null;
  /** The time for `{time}` in the path; without it that stays. */
  readonly nowUnixNano?: () => bigint;
}

/** Writes capture files: repeated [uvarint length][BatchArrowRecords]. Existing files are replaced. */
export class OtapFileExporter implements BatchSink {
  readonly name: string;
  readonly queuedBytes = 0;
  readonly #options: OtapFileExporterOptions;
  readonly #files = new Map<Signal, OpenFile>();
  /** The file of the one signal, until that is known. */
  #single: CaptureWriter | null;
  readonly #times = new FileTimes();

  /** A file for one signal is opened at once, so that it is there, if empty, should nothing come; throws what `openFile` throws. */
  constructor(options: OtapFileExporterOptions) {
    this.name = options.name;
    this.#options = options;
    this.#single = options.isSingle ? new CaptureWriter(options.path) : null;
  }

  async push(batch: OutputBatch): Promise<void> {
    const { path, bytesMax, onExported } = this.#options;
    const file = this.#fileOf(batch.signal);
    if (file.failure !== null) throw new Error(`${path} ends where it could not be written (${file.failure}); a path with {time} goes on in another file`);
    const bytes = file.encoder.encode(file.batchId++, batch);
    try {
      file.writer.write(bytes);
    } catch (error) {
      file.failure = messageOf(error);
      if (path.includes('{time}')) this.#end(batch.signal, file);
      throw error;
    }
    onExported(batch.signal, batch.rowCount, bytes.length);
    if (bytesMax !== undefined && bytesMax !== null && file.writer.bytesWritten >= bytesMax) this.#end(batch.signal, file);
  }

  async drain(): Promise<void> {
    this.#single?.close();
    this.#single = null;
    for (const [signal, file] of this.#files) this.#end(signal, file);
  }

  /** What comes next begins another file. */
  #end(signal: Signal, file: OpenFile): void {
    this.#files.delete(signal);
    file.writer.close();
  }

  #fileOf(signal: Signal): OpenFile {
    const open = this.#files.get(signal);
    if (open !== undefined) return open;
    const { path, encode, nowUnixNano } = this.#options;
    const timed = nowUnixNano === undefined ? path : path.replaceAll('{time}', this.#times.next(Number(nowUnixNano() / 1_000_000n)));
    const writer = this.#single ?? new CaptureWriter(pathOfSignal(timed, signal));
    this.#single = null;
    const file: OpenFile = { writer, encoder: new OtapStreamEncoder(signal, encode), batchId: 0n, failure: null };
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
