import type { BufferPool } from '../base/buffer-pool.ts';
import type { CodedError } from '../base/errors.ts';
import type { MessageInflater } from './message-encoding.ts';

/** Received bytes that no handler has read, over all calls of a server. */
export interface ReceiveBudget {
  readonly bytesMax: number;
  bytes: number;
}

/** What the server asks of a call beyond what its handler does. */
export interface CallOptions {
  readonly path: string;
  readonly peer: string;
  readonly inflater: MessageInflater;
  readonly messageBytesMax: number;
  readonly budget: ReceiveBudget;
  /** Where the message of a unary call lies while its handler runs. */
  readonly pool: BufferPool;
  readonly draining: AbortSignal;
  /** The one message of the call is expected from its start on; of a stream messages may come at any time. */
  readonly isUnary: boolean;
  /** When the client gives the call up, on the clock of `nowMs`; Infinity where it does not say. */
  readonly deadlineMs: number;
  /** Monotonic clock. */
  readonly nowMs: () => number;
  /** Told of what the client sends that cannot be read. */
  readonly onRefused: (error: CodedError) => void;
}
