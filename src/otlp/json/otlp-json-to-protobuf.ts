import { isUtf8 } from 'node:buffer';
import type { Signal } from '../../otap/payload-type.ts';
import { OtlpDecodeError } from '../decode/errors.ts';
import * as char from './characters.ts';
import { JsonFault, malformedJson } from './faults.ts';
import { MessageWriter } from './message-writer.ts';
import { pathAt } from './path-at.ts';
import { requests } from './requests.ts';
import { JsonScanner } from './scanner.ts';
import { JsonTranscoder } from './transcoder.ts';

/** What one request in JSON may ask. */
export interface OtlpJsonLimits {
  /** Of the request in protobuf. Lists of numbers may take four times their bytes in JSON; all else takes fewer. */
  readonly bytesMax: number;
}

const defaultJsonLimits: OtlpJsonLimits = { bytesMax: 2 ** 30 };
const byteOrderMark = [0xef, 0xbb, 0xbf];

/**
 * An export request in OTLP's JSON (UTF-8) as the protobuf message that says the same. Fields that OTLP does not have are skipped.
 * Throws OtlpDecodeError, INVALID_ARGUMENT: malformed_json, wrong_type, out_of_range, duplicate_key, invalid_id, invalid_base64, invalid_utf8,
 * nested_too_deep, over_limit; the message says where, and nothing of what was sent but keys.
 * Source: OTLP specification, "JSON Protobuf Encoding"; protobuf.dev/programming-guides/json.
 */
export function otlpJsonToProtobuf(signal: Signal, bytes: Uint8Array, limits: OtlpJsonLimits = defaultJsonLimits): Uint8Array<ArrayBuffer> {
  // A plain view: loops that meet Buffers too are slower.
  const text = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  try {
    return transcode(signal, text, limits);
  } catch (error) {
    if (!(error instanceof JsonFault)) throw error;
    const path = pathAt(text, error.offset);
    throw new OtlpDecodeError(error, `JSON${path === '' ? '' : ` ${path}`}, byte ${error.offset}`);
  }
}

function transcode(signal: Signal, text: Uint8Array, { bytesMax }: OtlpJsonLimits): Uint8Array<ArrayBuffer> {
  if (!isUtf8(text)) throw new JsonFault('invalid_utf8', 'bytes that are no UTF-8', validLength(text));
  const scanner = new JsonScanner(text, byteOrderMark.every((byte, index) => text[index] === byte) ? byteOrderMark.length : 0);
  if (scanner.token() === char.ended) throw malformedJson('an empty text; a request with nothing in it is {}', scanner.at);
  const writer = new MessageWriter(text.length, bytesMax);
  new JsonTranscoder(scanner, writer).message(requests[signal], 0);
  if (scanner.token() !== char.ended) throw malformedJson('more after the request', scanner.at);
  return writer.finish(scanner.at);
}

/** How many of the first bytes are UTF-8. */
function validLength(text: Uint8Array): number {
  let valid = 0;
  let invalid = text.length;
  while (invalid - valid > 1) {
    const middle = (valid + invalid) >>> 1;
    if (endsValid(text, middle)) valid = middle;
    else invalid = middle;
  }
  while (!isUtf8(text.subarray(0, valid))) valid--;
  return valid;
}

/** The first `end` bytes are UTF-8, but perhaps for a character that they end within. */
function endsValid(text: Uint8Array, end: number): boolean {
  for (let less = 0; less < 4 && less <= end; less++) if (isUtf8(text.subarray(0, end - less))) return true;
  return false;
}
