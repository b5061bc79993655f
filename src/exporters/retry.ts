import type { StatusName } from '../base/errors.ts';

/** When to send again; the fields of `retry_on_failure` in the configuration. */
export interface RetryPolicy {
  readonly enabled: boolean;
  readonly initialIntervalMs: number;
  readonly maxIntervalMs: number;
  /** From the first attempt on; 0 never gives up. */
  readonly maxElapsedMs: number;
}

/** How an export ended. `retryable`: given up for now, the batch is still good. `permanent`: it would fail again. */
export type ExportResult =
  | { readonly kind: 'ok' }
  | { readonly kind: 'retryable'; readonly reason: string; readonly message: string }
  | { readonly kind: 'permanent'; readonly reason: string; readonly message: string };

export type FailedExport = Exclude<ExportResult, { readonly kind: 'ok' }>;

/** Reason of a batch that was still to be sent when its exporter was closed: where it is held elsewhere too, it is not lost. */
export const exporterClosed = 'exporter_closed';

const retryableStatuses: ReadonlySet<StatusName> = new Set([
  'CANCELLED', 'DEADLINE_EXCEEDED', 'ABORTED', 'OUT_OF_RANGE', 'UNAVAILABLE', 'RESOURCE_EXHAUSTED',
]);

/** True for the statuses after which the same data may be sent again (OTLP specification, "OTLP/gRPC Response", failures). */
export function isRetryable(status: StatusName): boolean {
  return retryableStatuses.has(status);
}

/**
 * The wait before attempt `attempt` + 1 (counted from 1): initial * 2^(attempt - 1), at most `maxIntervalMs`, spread over
 * [0.5, 1.5) by `jitter` in [0, 1). Where the server asked for longer, so long and up to a quarter more (at least the interval, at most the greatest):
 * all that it asked at the same time would come back at the same time.
 */
export function backoffMs(policy: RetryPolicy, attempt: number, jitter: number, askedMs: number | null): number {
  const interval = Math.min(policy.maxIntervalMs, policy.initialIntervalMs * 2 ** Math.min(attempt - 1, 30));
  const ownMs = interval * (0.5 + jitter);
  if (askedMs === null) return ownMs;
  const spreadMs = Math.max(interval, Math.min(askedMs / 4, policy.maxIntervalMs));
  return Math.max(ownMs, askedMs + jitter * spreadMs);
}
