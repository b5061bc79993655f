import { appendFileSync, existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { CodedError, messageOf } from '../base/errors.ts';
import { CaptureWriter } from '../otap/capture-file.ts';
import { OtapStreamEncoder } from '../otap/encode/stream-encoder.ts';
import type { Signal } from '../otap/payload-type.ts';
import type { OutputBatch } from '../otap/take/output-batch.ts';
import { FileTimes } from './file-times.ts';

/** Why items were not kept in a file. */
export type Unkept = 'full' | 'unwritable';

/** One capture file of one signal, and the text file beside it. */
interface OpenFile {
  readonly path: string;
  readonly encoder: OtapStreamEncoder;
  writer: CaptureWriter | null;
  batchId: bigint;
}

/** What the line beside a batch says. */
export interface LetterText {
  readonly reason: string;
  readonly message: string;
}

/** After there was no room, or no way to write, it is looked again so much later. */
const restMs = 10_000;
/** Of what a server said. */
const messageLengthMax = 500;

export interface DeadLetterFilesOptions {
  readonly directory: string;
  /** How the names of the files begin. */
  readonly prefix: string;
  /** Of all files with this prefix together, also those of earlier runs. */
  readonly bytesMax: number;
  readonly nowUnixNano: () => bigint;
  /** Told of a file that was begun, and of what went wrong. */
  readonly onBegun: (path: string) => void;
  readonly onFailure: (kind: Unkept, message: string) => void;
}

/**
 * Batches that could not be delivered, in capture files: for each signal PREFIX-SIGNAL-TIME.otap, and beside it FILE.jsonl with a line a batch
 * (time, signal, items, reason, message, batch_id). Whoever removes files makes room; a file that was removed is followed by another.
 */
export class DeadLetterFiles {
  readonly #options: DeadLetterFilesOptions;
  readonly #files = new Map<Signal, OpenFile>();
  readonly #times = new FileTimes();
  /** Bytes of all files; counted anew after a rest. */
  #bytes = 0;
  #restsUntilMs = 0;
  #failed: Unkept | null = null;

  /** Makes the directory; throws CodedError `file_unusable` where that is not possible. */
  constructor(options: DeadLetterFilesOptions) {
    this.#options = options;
    try {
      mkdirSync(options.directory, { recursive: true });
      this.#bytes = this.#bytesOnDisk();
    } catch (error) {
      throw new CodedError('FAILED_PRECONDITION', 'file_unusable', `${options.directory}: no directory for dead letters: ${messageOf(error)}`, { cause: error });
    }
  }

  /** Writes one batch; says why it did not. Never throws for the disk's sake. */
  add(batch: OutputBatch, text: LetterText): Unkept | null {
    const nowMs = Number(this.#options.nowUnixNano() / 1_000_000n);
    if (this.#failed !== null && nowMs < this.#restsUntilMs) return this.#failed;
    try {
      if (this.#failed !== null) this.#bytes = this.#bytesOnDisk();
      this.#failed = this.#write(batch, text, nowMs) ? null : 'full';
      if (this.#failed === 'full') this.#rest('full', nowMs, `${this.#options.directory} holds what max_size allows; remove files to make room`);
    } catch (error) {
      this.#rest('unwritable', nowMs, messageOf(error));
    }
    if (this.#failed !== null) this.#end(batch.signal);
    return this.#failed;
  }

  /** False where there is no room. What was encoded and not written ends the file: the next one starts a stream of its own. */
  #write(batch: OutputBatch, { reason, message }: LetterText, nowMs: number): boolean {
    const { signal, rowCount } = batch;
    const file = this.#fileOf(signal, nowMs);
    const record = file.encoder.encode(file.batchId, batch);
    const line = `${JSON.stringify({ time: new Date(nowMs).toISOString(), signal, items: rowCount, reason, message: message.slice(0, messageLengthMax), batch_id: Number(file.batchId) })}\n`;
    const bytes = record.length + line.length;
    if (this.#bytes + bytes > this.#options.bytesMax) return false;
    if (file.writer === null) this.#options.onBegun(file.path);
    file.writer ??= new CaptureWriter(file.path);
    file.writer.write(record);
    appendFileSync(`${file.path}.jsonl`, line);
    file.batchId++;
    this.#bytes += bytes;
    return true;
  }

  #rest(kind: Unkept, nowMs: number, message: string): void {
    this.#failed = kind;
    this.#restsUntilMs = nowMs + restMs;
    this.#options.onFailure(kind, message);
  }

  #fileOf(signal: Signal, nowMs: number): OpenFile {
    const open = this.#files.get(signal);
    if (open !== undefined && (open.writer === null || existsSync(open.path))) return open;
    this.#end(signal);
    const { directory, prefix } = this.#options;
    const file: OpenFile = { path: join(directory, `${prefix}-${signal}-${this.#times.next(nowMs)}.otap`), encoder: new OtapStreamEncoder(signal, { bodyCompression: 'zstd', zstdLevel: 3 }), writer: null, batchId: 0n };
    this.#files.set(signal, file);
    return file;
  }

  #end(signal: Signal): void {
    this.#files.get(signal)?.writer?.close();
    this.#files.delete(signal);
  }

  #bytesOnDisk(): number {
    const { directory, prefix } = this.#options;
    const names = readdirSync(directory).filter((name) => name.startsWith(`${prefix}-`));
    return names.reduce((sum, name) => sum + (statSync(join(directory, name), { throwIfNoEntry: false })?.size ?? 0), 0);
  }
}
