import { CodedError, messageOf, statusNumbers, type StatusName } from '../base/errors.ts';
import { encodeRetryDetails } from './retry-info.ts';

/** How an RPC ended. */
export interface GrpcStatus {
  readonly status: StatusName;
  readonly message: string;
  /** RetryInfo of the status details: when the server asks to be called again; null when it does not say. */
  readonly retryAfterMs: number | null;
}

export const okStatus: GrpcStatus = { status: 'OK', message: '', retryAfterMs: null };

const namesByNumber: ReadonlyMap<number, StatusName> = new Map(
  Object.entries(statusNumbers).map(([name, number]) => [number, name as StatusName]),
);

/** The status of a gRPC number; numbers that we have no name for are UNKNOWN, as the gRPC specification wants it. */
export function statusOfNumber(number: number): StatusName {
  return namesByNumber.get(number) ?? 'UNKNOWN';
}

/** The status that answers an error: a CodedError's own, else INTERNAL without the details, which are for our log only. */
export function statusOfError(error: unknown): GrpcStatus {
  if (error instanceof CodedError) {
    return { status: error.status, message: error.message, retryAfterMs: error.retryAfterMs };
  }
  return { status: 'INTERNAL', message: 'internal error', retryAfterMs: null };
}

const messageBytesMax = 1024;

/** A status message as the grpc-message header carries it: UTF-8, percent-encoded outside printable ASCII, bounded. */
export function encodeStatusMessage(message: string): string {
  const bytes = Buffer.from(message, 'utf8').subarray(0, messageBytesMax);
  let encoded = '';
  for (const byte of bytes) {
    const plain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25;
    encoded += plain ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return encoded;
}

const timeoutUnitsMs: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 };

/** Milliseconds of a grpc-timeout header ("up to eight digits and a unit"). Throws INTERNAL / invalid_timeout. */
export function parseTimeoutMs(header: string): number {
  const parts = /^(\d{1,8})([HMSmun])$/.exec(header);
  if (parts === null) throw new CodedError('INTERNAL', 'invalid_timeout', 'grpc-timeout is malformed');
  return Number(parts[1]) * timeoutUnitsMs[parts[2]];
}

/** What to log of an error that a handler threw. */
export function describeError(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : messageOf(error);
}

/** The trailers that carry a status. */
export function trailersOf(status: GrpcStatus): Record<string, string> {
  const trailers: Record<string, string> = { 'grpc-status': String(statusNumbers[status.status]) };
  if (status.message !== '') trailers['grpc-message'] = encodeStatusMessage(status.message);
  if (status.retryAfterMs !== null) {
    trailers['grpc-status-details-bin'] = encodeRetryDetails(status.status, status.message, status.retryAfterMs);
  }
  return trailers;
}
