import type { Client, Metadata } from '@grpc/grpc-js';
import { CodedError } from '../base/errors.ts';
import { acceptEncoding } from './message-encoding.ts';

/** grpc-js's Filter (its src/filter.ts), which it does not export: one a call, last before the wire. */
interface CallFilter {
  sendMetadata(metadata: Promise<Metadata>): Promise<Metadata>;
  receiveMetadata(metadata: Metadata): Metadata;
  sendMessage<M>(message: Promise<M>): Promise<M>;
  /** Declared with a promise in grpc-js 1.14, called with the buffer itself. */
  receiveMessage(message: Buffer | Promise<Buffer>): Promise<Buffer>;
  receiveTrailers<S>(status: S): S;
}

/** Leaves frames as they are: what the caller writes is framed and deflated, what it reads still is. */
const framesFilter: CallFilter = {
  sendMetadata: async (metadata) => {
    const headers = await metadata;
    headers.set('grpc-accept-encoding', acceptEncoding);
    return headers;
  },
  receiveMetadata: (metadata) => metadata,
  sendMessage: (message) => message,
  receiveMessage: async (message) => message,
  receiveTrailers: (status) => status,
};

/**
 * Makes this one client take and give whole frames (length prefix and all) instead of messages, by replacing grpc-js's
 * compression filter, which knows gzip and deflate only. There is no public hook for that, so it reaches into one private field
 * of the client's channel; what is not as in 1.14 is refused here rather than found out on the wire
 * (docs/adr/0002-transport.md). Throws INTERNAL / unsupported_grpc_js.
 */
export function passFrames(client: Client): void {
  const stack = property(property(client.getChannel(), 'internalChannel'), 'filterStackFactory');
  const factories = property(stack, 'factories');
  const only: unknown = Array.isArray(factories) && factories.length === 1 ? factories[0] : null;
  if (property(property(only, 'constructor'), 'name') !== 'CompressionFilterFactory') {
    throw new CodedError('INTERNAL', 'unsupported_grpc_js', 'this version of @grpc/grpc-js keeps its filters elsewhere; use 1.14');
  }
  Reflect.set(Object(stack), 'factories', [{ createFilter: () => framesFilter }]);
}

function property(of: unknown, key: string): unknown {
  return of === null || of === undefined ? undefined : Reflect.get(Object(of), key);
}
