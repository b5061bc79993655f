import { CodedError } from '../base/errors.ts';
import type { BatchAck } from '../pipeline/intake-port.ts';
import { metrics } from '../telemetry/declared.ts';
import type { Logger } from '../telemetry/log.ts';
import type { MetricRegistry } from '../telemetry/metrics.ts';

/** Told of each request that is refused before the intake has seen it; `peer` is `host:port`. */
export type OnRefused = (error: CodedError, peer: string) => void;

/** Counts and logs what a listener refuses. */
export function refusalCounter(receiver: string, protocol: 'grpc' | 'http', log: Logger, registry: MetricRegistry): OnRefused {
  const counter = registry.counter(metrics.requestsRefused);
  return ({ reason, message, status }, peer) => {
    counter.add(1, { receiver, protocol, reason });
    log.warn('request_refused', message, { receiver, protocol, reason, status, peer });
  };
}

/** What `check` gives; a CodedError that it throws is told to `onRefused` first. */
export function counted<T>(check: () => T, onRefused: OnRefused, peer: string): T {
  try {
    return check();
  } catch (error) {
    if (error instanceof CodedError) onRefused(error, peer);
    throw error;
  }
}

/** What a sender is told whose data the intake has seen and not taken. */
export function notTaken({ status, message, retryAfterMs }: BatchAck): CodedError {
  return new CodedError(status, 'not_taken', message, retryAfterMs === null ? {} : { retryAfterMs });
}

/** What a sender is told that comes while the receiver drains. */
export function drainingError(): CodedError {
  return new CodedError('UNAVAILABLE', 'draining', 'the receiver is shutting down', { retryAfterMs: 1000 });
}
