import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Signal } from '../otap/payload-type.ts';
import { otlpHttpPaths } from '../otlp/services.ts';
import { contentTypes, HttpRefusal, type OtlpHttpEncoding } from './http-answer.ts';

const contentEncodings = ['identity', 'gzip', 'deflate', 'zstd'] as const;
export type ContentEncoding = (typeof contentEncodings)[number];

/** What the head of a request says that is to be taken. */
export interface ExportHead {
  readonly signal: Signal;
  readonly encoding: OtlpHttpEncoding;
  readonly contentEncoding: ContentEncoding;
}

const signals: ReadonlyMap<string, Signal> = new Map((['traces', 'logs', 'metrics'] as const).map((signal) => [otlpHttpPaths[signal], signal]));
const encodings: ReadonlyMap<string, OtlpHttpEncoding> = new Map((['proto', 'json'] as const).map((encoding) => [contentTypes[encoding], encoding]));

/** The encoding that a content-type names; null where it is neither of OTLP's. */
export function encodingOf({ 'content-type': type = '' }: IncomingHttpHeaders): OtlpHttpEncoding | null {
  return encodings.get(type) ?? encodings.get(type.split(';', 1)[0].trim().toLowerCase()) ?? null;
}

/** The signal of a path; throws 404 / unknown_path. */
export function signalOf({ url = '' }: IncomingMessage): Signal {
  const signal = signals.get(url) ?? signals.get(url.split('?', 1)[0]);
  if (signal !== undefined) return signal;
  throw new HttpRefusal(404, 'NOT_FOUND', 'unknown_path', `nothing is served at ${url.slice(0, 200)}; the paths are ${[...signals.keys()].join(', ')}`);
}

/** Checks a request's head. Throws HttpRefusal: 404 unknown_path, 405 wrong_method, 415 wrong_content_type, 415 unknown_encoding. */
export function readHead(request: IncomingMessage): ExportHead {
  const signal = signalOf(request);
  if (request.method !== 'POST') throw new HttpRefusal(405, 'UNIMPLEMENTED', 'wrong_method', `${request.method ?? ''} is not served here, POST is`, { allow: 'POST' });
  const encoding = encodingOf(request.headers);
  if (encoding === null) {
    const said = request.headers['content-type'] ?? '';
    throw new HttpRefusal(415, 'INVALID_ARGUMENT', 'wrong_content_type', `content-type is "${said.slice(0, 100)}"; taken are ${Object.values(contentTypes).join(' and ')}`);
  }
  return { signal, encoding, contentEncoding: contentEncodingOf(request.headers) };
}

function contentEncodingOf({ 'content-encoding': written }: IncomingHttpHeaders): ContentEncoding {
  if (written === undefined) return 'identity';
  const name = written.trim().toLowerCase();
  const known = contentEncodings.find((encoding) => encoding === name);
  if (known !== undefined) return known;
  if (name === 'x-gzip') return 'gzip';
  if (name === '') return 'identity';
  throw new HttpRefusal(415, 'INVALID_ARGUMENT', 'unknown_encoding', `content-encoding is "${written.slice(0, 100)}"; taken are ${contentEncodings.join(', ')}`, { 'accept-encoding': contentEncodings.join(', ') });
}
