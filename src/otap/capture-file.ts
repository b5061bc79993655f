import { closeSync, fstatSync, readSync, writeSync } from 'node:fs';
import { CodedError } from '../base/errors.ts';
import { openFile } from '../base/files.ts';
import { readVarint, varintBytesMax, varintLength, writeVarint } from '../base/varint.ts';
import { decodeBatchArrowRecords } from './proto/batch-arrow-records.ts';
import { type Signal, signalPayloads } from './payload-type.ts';

const chunkBytes = 1 << 20;

/**
 * Reads a capture file: repeated [uvarint length][BatchArrowRecords]. Holds one message and one chunk in memory.
 * Errors: CodedError INVALID_ARGUMENT `capture_malformed` (truncated, or a message above `messageBytesMax`), with the offset;
 * those of `openFile`.
 */
export class CaptureReader {
  readonly path: string;
  readonly sizeBytes: number;
  readonly #file: number;
  readonly #messageBytesMax: number;
  #buffer: Uint8Array<ArrayBuffer> = new Uint8Array(chunkBytes);
  #start = 0;
  #end = 0;
  #offset = 0;

  constructor(path: string, messageBytesMax = 1 << 28) {
    this.path = path;
    this.#file = openFile(path, 'r');
    this.sizeBytes = fstatSync(this.#file).size;
    this.#messageBytesMax = messageBytesMax;
  }

  /** Bytes of whole messages read so far. */
  get offset(): number {
    return this.#offset;
  }

  /** The next message, in memory of its own; null at the end. */
  next(): Uint8Array<ArrayBuffer> | null {
    this.#fill(varintBytesMax);
    if (this.#start === this.#end) return null;
    const length = readVarint(this.#buffer.subarray(0, this.#end), this.#start);
    if (length.kind !== 'value') throw this.#malformed('the length of a message is cut off or malformed');
    if (length.value > this.#messageBytesMax) throw this.#malformed(`a message of ${length.value} bytes, the limit is ${this.#messageBytesMax}`);
    const headerBytes = length.end - this.#start;
    this.#fill(headerBytes + length.value);
    if (this.#end - this.#start < headerBytes + length.value) throw this.#malformed('the file ends within a message');
    this.#start += headerBytes;
    const message = this.#buffer.slice(this.#start, this.#start + length.value);
    this.#start += length.value;
    this.#offset += headerBytes + length.value;
    return message;
  }

  close(): void {
    closeSync(this.#file);
  }

  /** Reads until `wanted` bytes are there, or the file ends. */
  #fill(wanted: number): void {
    if (this.#end - this.#start >= wanted) return;
    this.#makeRoom(wanted);
    while (this.#end - this.#start < wanted) {
      const read = readSync(this.#file, this.#buffer, this.#end, this.#buffer.length - this.#end, null);
      if (read === 0) return;
      this.#end += read;
    }
  }

  #makeRoom(wanted: number): void {
    const held = this.#buffer.subarray(this.#start, this.#end);
    const room = Math.max(chunkBytes, wanted);
    if (room > this.#buffer.length) {
      const larger = new Uint8Array(room);
      larger.set(held);
      this.#buffer = larger;
    } else {
      this.#buffer.copyWithin(0, this.#start, this.#end);
    }
    this.#end -= this.#start;
    this.#start = 0;
  }

  #malformed(what: string): CodedError {
    return new CodedError('INVALID_ARGUMENT', 'capture_malformed', `${this.path}, byte ${this.#offset}: ${what}`);
  }
}

/** Writes a capture file anew. */
export class CaptureWriter {
  readonly #file: number;
  #bytes = 0;

  constructor(path: string) {
    this.#file = openFile(path, 'w');
  }

  get bytesWritten(): number {
    return this.#bytes;
  }

  write(message: Uint8Array): void {
    const header = new Uint8Array(varintLength(message.length));
    writeVarint(header, 0, message.length);
    writeAll(this.#file, header);
    writeAll(this.#file, message);
    this.#bytes += header.length + message.length;
  }

  close(): void {
    closeSync(this.#file);
  }
}

function writeAll(file: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at, bytes.length - at);
}

/** The signal of a message by its root payload, or by any payload that only one signal has; null where nothing says. */
export function signalOfMessage(bytes: Uint8Array): Signal | null {
  const types = new Set(decodeBatchArrowRecords(bytes).payloads.map(({ type }) => type));
  const shared = new Set([1, 2]);
  for (const signal of ['traces', 'logs', 'metrics'] as const) {
    if (signalPayloads[signal].some(({ type }) => !shared.has(type) && types.has(type))) return signal;
  }
  return null;
}
