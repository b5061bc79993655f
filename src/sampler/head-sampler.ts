import { type Attributes, context as contexts, type Context, createContextKey, diag, type Link, type SpanKind } from '@opentelemetry/api';
import { realSeam } from '../base/seam.ts';
import { decide, type HeadSamplingResult } from './decide.ts';
import { type Intent, IntentTable, never } from './intents.ts';
import { samplingUrl } from './poll.ts';
import { Poller, type PollState } from './poller.ts';

/** How a head sampler asks for its rates. */
export interface HeadSamplerOptions {
  /** The service, as its resource says in `service.name`. */
  readonly serviceName: string;
  /** Where Thresher (or any server of Jaeger's remote sampling) answers; without a path it is asked at /sampling. Default `http://127.0.0.1:5778`. */
  readonly endpoint?: string;
  /** Milliseconds from one poll to the next, spread by a tenth; default 10,000. */
  readonly pollIntervalMs?: number;
  /** Milliseconds after which a poll is given up; default 5,000. */
  readonly timeoutMs?: number;
  /** The probability of traces that start before any answer came; default 1. */
  readonly initialRate?: number;
  /** Sent with each poll, as for authorization. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** A sampler whose roots and parents can be put together with others (OpenTelemetry, "ComposableSampler"). */
export interface ComposableHeadSampler {
  getSamplingIntent(context: Context, traceId: string, spanName: string, spanKind: SpanKind, attributes: Attributes, links: Link[]): Intent;
  toString(): string;
}

/** By this key SDKs know that nothing is to be traced (`suppressTracing` of @opentelemetry/core). */
const suppressTracing = createContextKey('OpenTelemetry SDK Context Key SUPPRESS_TRACING');
/** Failures are told at the first, and then as often as their number doubles. */
const isTold = (failures: number): boolean => (failures & (failures - 1)) === 0;

/**
 * An OpenTelemetry `Sampler` (for the SDK's option `sampler`, as it is: it follows parents by itself) that samples at the rate that a head-sampling
 * service gives its service and operations, by the randomness of the trace, and writes the threshold into the tracestate as `ot=th:`. So
 * whatever decides later, by the same randomness and at no greater probability, keeps what it would have kept of everything.
 * It keeps the last good answer for as long as none comes, and is shut down by `shutdown`; it keeps no process alive.
 */
export class HeadSampler {
  /** The rates alone, as a ComposableSampler: what follows parents, and what is asked besides, is then the composition's. */
  readonly composable: ComposableHeadSampler;
  readonly #url: string;
  readonly #poller: Poller;
  #rates: IntentTable;

  /** Throws RangeError or TypeError for options that cannot be. */
  constructor({ serviceName, endpoint = 'http://127.0.0.1:5778', pollIntervalMs = 10_000, timeoutMs = 5_000, initialRate = 1, headers = {} }: HeadSamplerOptions) {
    if (!(initialRate >= 0 && initialRate <= 1)) throw new RangeError(`initialRate ${initialRate} is not in [0, 1]`);
    if (!(pollIntervalMs >= 10)) throw new RangeError(`pollIntervalMs ${pollIntervalMs} is below 10`);
    this.#url = samplingUrl(endpoint, serviceName);
    this.#rates = new IntentTable({ defaultRate: initialRate, operations: new Map() });
    this.composable = {
      getSamplingIntent: (_context, _traceId, spanName) => this.#rates.of(spanName) ?? never,
      toString: () => `ComposableHeadSampler(${this.#url})`,
    };
    this.#poller = new Poller({
      target: { url: this.#url, headers }, timeoutMs, intervalMs: pollIntervalMs, jitter: realSeam().jitter,
      onRates: (rates) => { this.#rates = new IntentTable(rates); },
      onFailed: (error, failures) => { if (isTold(failures)) diag.warn(`head sampling: ${error.message}; the rates stay as they were (${failures} in a row)`); },
      run: (work) => contexts.with(contexts.active().setValue(suppressTracing, true), work),
    });
  }

  shouldSample(context: Context, traceId: string, spanName: string, _spanKind: SpanKind, _attributes: Attributes, _links: Link[]): HeadSamplingResult {
    return decide(context, traceId, spanName, this.#rates);
  }

  /** Resolves once the first poll has ended, well or not: wait for it where the first traces are to follow the rates. */
  get polledOnce(): Promise<void> {
    return this.#poller.polledOnce;
  }

  get pollState(): PollState {
    return this.#poller.state;
  }

  /** Ends polling; the last rates stay in force. */
  async shutdown(): Promise<void> {
    this.#poller.stop();
    await this.#poller.polledOnce;
  }

  toString(): string {
    return `HeadSampler(${this.#url})`;
  }
}
