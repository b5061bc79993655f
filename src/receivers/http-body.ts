import type { IncomingMessage } from 'node:http';
import type { ByteShare } from '../base/byte-budget.ts';
import { ByteChunks } from '../base/byte-chunks.ts';
import { CodedError } from '../base/errors.ts';
import { bodyTooLarge } from './http-answer.ts';

/** A body that is being read; `fail` ends it from outside, as when the connection's time is up. */
export interface BodyReading {
  readonly body: Promise<Buffer>;
  fail(error: CodedError): void;
}

/**
 * Reads a request's body, a view where it came in one chunk, else in what `memory` gives, which is at least as long; what is held counts in `share`.
 * Rejects: 413 message_too_large, CANCELLED client_gone, what `share` throws, what `fail` is given.
 */
export function readBody(request: IncomingMessage, bytesMax: number, share: ByteShare, memory: (length: number) => Buffer): BodyReading {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const chunks = new ByteChunks(memory);
  const onData = (chunk: Buffer): void => {
    try {
      if (chunks.byteLength + chunk.length > bytesMax) throw bodyTooLarge(bytesMax);
      share.add(chunk.length);
      chunks.push(chunk);
    } catch (error) {
      fail(error);
    }
  };
  const fail = (error: unknown): void => {
    request.off('data', onData);
    reject(error);
  };
  request.on('data', onData);
  request.once('end', () => resolve(chunks.take(chunks.byteLength)));
  request.once('close', () => {
    if (!request.readableEnded) reject(new CodedError('CANCELLED', 'client_gone', 'the client went away within its request'));
  });
  return { body: promise, fail };
}

/** Throws 413 where the head says already that the body is too large. */
export function checkLength({ headers }: IncomingMessage, bytesMax: number): void {
  if (Number(headers['content-length'] ?? 0) > bytesMax) throw bodyTooLarge(bytesMax);
}

/** Of a body that nobody wants, this much is read, so that its sender gets to read the answer. */
const discardedBytesMax = 64 * 1024 * 1024;

/** Reads on without keeping anything, up to a bound, when a request was answered before its end. */
export function discardRest(request: IncomingMessage): void {
  if (request.readableEnded || request.destroyed) return;
  let bytes = 0;
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > discardedBytesMax) request.destroy();
  });
  request.resume();
}
