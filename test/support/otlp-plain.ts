import type { Signal } from '../../src/otap/payload-type.ts';
import { requestType } from './otlp-wire.ts';

/**
 * All that protobufjs reads of a request, in its order: fields without presence where they are left out too, others only where they are there.
 * Doubles as JavaScript has them, so that -0 and NaN can be told apart.
 */
export function plainRequest(signal: Signal, message: Uint8Array): { readonly [name: string]: unknown } {
  const type = requestType(signal);
  return type.toObject(type.decode(message), { longs: String, bytes: String, defaults: true });
}

/** A request as protobufjs writes what it reads of it: the same bytes for all that say the same, for large ones. */
export function rewritten(signal: Signal, message: Uint8Array): Buffer {
  const type = requestType(signal);
  return Buffer.from(type.encode(type.decode(message)).finish());
}
