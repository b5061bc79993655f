import { CodedError } from '../../base/errors.ts';
import { bufferOver, readText } from './text.ts';

/** A value of an attribute or a body (OpenTelemetry's AnyValue). Maps keep order and repeated keys. */
export type AnyValue =
  | { readonly kind: 'empty' }
  | { readonly kind: 'str'; readonly value: string }
  | { readonly kind: 'int'; readonly value: bigint }
  | { readonly kind: 'double'; readonly value: number }
  | { readonly kind: 'bool'; readonly value: boolean }
  | { readonly kind: 'bytes'; readonly value: Uint8Array }
  | { readonly kind: 'slice'; readonly values: readonly AnyValue[] }
  | { readonly kind: 'map'; readonly entries: readonly (readonly [string, AnyValue])[] };

const depthMax = 64;
const empty: AnyValue = { kind: 'empty' };

/** Major types (RFC 8949, section 3.1). */
const majors = { UNSIGNED: 0, NEGATIVE: 1, BYTES: 2, TEXT: 3, ARRAY: 4, MAP: 5, TAG: 6, SIMPLE: 7 } as const;
const indefinite = 31;

/**
 * Decodes one CBOR data item (RFC 8949) of the kinds that AnyValue has: definite and indefinite lengths, floats of all
 * widths, integers in int64; tags are read through, null and undefined are empty. Nested at most 64 deep.
 * Throws INVALID_ARGUMENT / invalid_cbor.
 */
export function decodeCbor(bytes: Uint8Array): AnyValue {
  const reader = new CborReader(bytes);
  const value = reader.value(0);
  reader.finish();
  return value;
}

class CborReader {
  readonly #bytes: Buffer;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bufferOver(bytes);
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  finish(): void {
    if (this.#at !== this.#bytes.length) throw invalid(`${this.#bytes.length - this.#at} bytes after the value`);
  }

  value(depth: number): AnyValue {
    if (depth > depthMax) throw invalid(`nested deeper than ${depthMax}`);
    const initial = this.#take(1);
    const head = this.#bytes[initial];
    const major = head >>> 5;
    const info = head & 31;
    switch (major) {
      case majors.UNSIGNED:
        return { kind: 'int', value: this.#int64(this.#argument(info)) };
      case majors.NEGATIVE:
        return { kind: 'int', value: this.#int64(-1n - this.#argument(info)) };
      case majors.BYTES:
        return { kind: 'bytes', value: Uint8Array.from(this.#string(major, info)) };
      case majors.TEXT:
        return { kind: 'str', value: textOf(this.#string(major, info)) };
      case majors.ARRAY:
        return { kind: 'slice', values: this.#many(info, () => this.value(depth + 1)) };
      case majors.MAP:
        return { kind: 'map', entries: this.#many(info, () => [this.#key(), this.value(depth + 1)] as const) };
      case majors.TAG:
        this.#argument(info);
        return this.value(depth + 1);
      default:
        return this.#simple(info);
    }
  }

  #key(): string {
    const head = this.#bytes[this.#take(1)];
    if (head >>> 5 !== majors.TEXT) throw invalid('map key that is no text');
    return textOf(this.#string(majors.TEXT, head & 31));
  }

  /** Elements of an array or pairs of a map; each takes at least a byte, so a lying count ends at the input's end. */
  #many<T>(info: number, read: () => T): T[] {
    const items: T[] = [];
    if (info === indefinite) {
      while (!this.#isBreak()) items.push(read());
      return items;
    }
    const count = this.#length(info);
    for (let index = 0; index < count; index++) items.push(read());
    return items;
  }

  #string(major: number, info: number): Buffer {
    if (info !== indefinite) {
      const length = this.#length(info);
      const start = this.#take(length);
      return this.#bytes.subarray(start, start + length);
    }
    const chunks: Buffer[] = [];
    while (!this.#isBreak()) {
      const head = this.#bytes[this.#take(1)];
      if (head >>> 5 !== major || (head & 31) === indefinite) throw invalid('chunk of another type');
      chunks.push(this.#string(major, head & 31));
    }
    return Buffer.concat(chunks);
  }

  #simple(info: number): AnyValue {
    switch (info) {
      case 20:
      case 21:
        return { kind: 'bool', value: info === 21 };
      case 22:
      case 23:
        return empty;
      case 25:
        return { kind: 'double', value: halfToDouble(this.#view.getUint16(this.#take(2))) };
      case 26:
        return { kind: 'double', value: this.#view.getFloat32(this.#take(4)) };
      case 27:
        return { kind: 'double', value: this.#view.getFloat64(this.#take(8)) };
      default:
        throw invalid(`simple value ${info}`);
    }
  }

  #argument(info: number): bigint {
    if (info < 24) return BigInt(info);
    if (info === 24) return BigInt(this.#bytes[this.#take(1)]);
    if (info === 25) return BigInt(this.#view.getUint16(this.#take(2)));
    if (info === 26) return BigInt(this.#view.getUint32(this.#take(4)));
    if (info === 27) return this.#view.getBigUint64(this.#take(8));
    throw invalid(`additional information ${info}`);
  }

  #length(info: number): number {
    const length = this.#argument(info);
    if (length > this.#bytes.length - this.#at) throw invalid(`length ${length} where ${this.#bytes.length - this.#at} bytes are left`);
    return Number(length);
  }

  #int64(value: bigint): bigint {
    if (BigInt.asIntN(64, value) !== value) throw invalid('integer outside int64');
    return value;
  }

  /** Takes a break code where one is next. */
  #isBreak(): boolean {
    const at = this.#take(1);
    if (this.#bytes[at] === 0xff) return true;
    this.#at = at;
    return false;
  }

  /** Moves on by `count` bytes; gives where they start. */
  #take(count: number): number {
    const start = this.#at;
    if (count > this.#bytes.length - start) throw invalid('value ends early');
    this.#at = start + count;
    return start;
  }
}

function textOf(bytes: Buffer): string {
  return readText(bytes, 0, bytes.length);
}

/** IEEE 754 binary16 (RFC 8949, appendix D). */
function halfToDouble(half: number): number {
  const exponent = (half >>> 10) & 31;
  const fraction = half & 0x3ff;
  const sign = (half & 0x8000) === 0 ? 1 : -1;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (fraction + 1024) * 2 ** (exponent - 25);
}

function invalid(detail: string): CodedError {
  return new CodedError('INVALID_ARGUMENT', 'invalid_cbor', `invalid CBOR: ${detail}`);
}
