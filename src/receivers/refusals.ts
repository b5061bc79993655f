import { CodedError } from '../base/errors.ts';
import type { OpenOtlpIntake, OtlpIntake } from '../pipeline/intake-port.ts';
import type { Signal } from '../otap/payload-type.ts';
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

/** The intake of each signal, or why that signal is not taken. */
export type OtlpIntakes = { readonly [signal in Signal]: OtlpIntake | CodedError };

export function openOtlpIntakes(open: OpenOtlpIntake): OtlpIntakes {
  const opened = (signal: Signal): OtlpIntake | CodedError => {
    try {
      return open(signal);
    } catch (error) {
      if (error instanceof CodedError) return error;
      throw error;
    }
  };
  return { traces: opened('traces'), logs: opened('logs'), metrics: opened('metrics') };
}

/** The intake, or throws why there is none. */
export function takenIntake(intake: OtlpIntake | CodedError): OtlpIntake {
  if (intake instanceof CodedError) throw intake;
  return intake;
}

/** What a sender is told that comes while the receiver drains. */
export function drainingError(): CodedError {
  return new CodedError('UNAVAILABLE', 'draining', 'the receiver is shutting down', { retryAfterMs: 1000 });
}
