import type { StatusName } from '../base/errors.ts';
import type { ClientAuth } from '../security/client-auth.ts';

/** What a server said to one export request. */
export type OtlpAnswer =
  /** `rejected`: items that it did not take although the request was good (partial success); `message` may warn without any. */
  | { readonly kind: 'accepted'; readonly rejected: number; readonly message: string }
  | { readonly kind: 'refused'; readonly retryable: boolean; readonly reason: string; readonly message: string; readonly retryAfterMs: number | null };

/** One server of one protocol. */
export interface OtlpTransport<S extends string = string> {
  /** What messages call it. */
  readonly endpoint: string;
  /** Sends one request and waits for its answer; what goes wrong on the way is a retryable answer. Never rejects. */
  send(signal: S, request: Uint8Array<ArrayBuffer>): Promise<OtlpAnswer>;
  /** Closes connections; requests under way end as refused. */
  close(): void;
}

/** What stands for an answer that did not come: the same request may be sent again. */
export function unanswered(reason: string, message: string): OtlpAnswer {
  return { kind: 'refused', retryable: true, reason, message, retryAfterMs: null };
}

const retryable: ReadonlySet<StatusName> = new Set(['CANCELLED', 'DEADLINE_EXCEEDED', 'ABORTED', 'OUT_OF_RANGE', 'UNAVAILABLE', 'DATA_LOSS']);

/**
 * Whether the same request may be sent again after a gRPC status: RESOURCE_EXHAUSTED only when the server says when
 * (OTLP specification, "OTLP/gRPC Response", "OTLP/gRPC Throttling").
 */
export function isRetryableGrpc(status: StatusName, retryAfterMs: number | null): boolean {
  return retryable.has(status) || (status === 'RESOURCE_EXHAUSTED' && retryAfterMs !== null);
}

/** Whether the same request may be sent again after an HTTP status (OTLP specification, "Retryable Response Codes"). */
export function isRetryableHttp(status: number): boolean {
  return status === 429 || status === 502 || status === 503 || status === 504;
}

/**
 * Milliseconds of a Retry-After header: seconds, or a date (RFC 9110, section 10.2.3); null where it is absent or neither.
 * `nowMs` is the wall clock.
 */
export function retryAfterMs(header: string | undefined, nowMs: number): number | null {
  if (header === undefined) return null;
  if (/^\d{1,9}$/.test(header.trim())) return Number(header) * 1000;
  const date = /^[A-Z][a-z]{2,8},? /.test(header.trim()) ? Date.parse(header) : Number.NaN;
  return Number.isNaN(date) ? null : Math.max(0, date - nowMs);
}

/**
 * The answer to a request that was sent with `authorization`: one that was refused for it (UNAUTHENTICATED, 401) may be sent again where there is a
 * newer one by now, so that nothing is lost while tokens are rotated.
 */
export function withNewCredentials(answer: OtlpAnswer, auth: ClientAuth | null, authorization: string | null): OtlpAnswer {
  if (answer.kind !== 'refused' || auth === null || authorization === null) return answer;
  const isForCredentials = answer.reason === 'unauthenticated' || answer.reason === 'http_401';
  return isForCredentials && auth.isNewerThan(authorization) ? { ...answer, retryable: true } : answer;
}
