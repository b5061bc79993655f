import { Worker } from 'node:worker_threads';
import { deferred } from '../../base/deferred.ts';
import { CodedError, messageOf } from '../../base/errors.ts';
import type { Seam } from '../../base/seam.ts';
import { withDeadline } from '../../base/with-deadline.ts';
import type { HeadConfig } from '../../config/head.ts';
import type { HeadUpdate } from '../../head/controller.ts';
import { metrics } from '../../telemetry/declared.ts';
import type { Logger } from '../../telemetry/log.ts';
import type { MetricDefinition, MetricRegistry } from '../../telemetry/metrics.ts';
import type { Counted, FromWorker, ToWorker, WorkerStart } from './messages.ts';

export interface HeadThreadTools {
  readonly seam: Seam;
  readonly log: Logger;
  readonly registry: MetricRegistry;
  /** All answers as they are now, for a worker that begins. */
  readonly snapshot: () => HeadUpdate;
}

/** The entry lies beside this module, as source or built. */
const entry = new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url);

/** A worker that ended by an error is followed by another after this. */
const restartMs = 1000;
const closeMs = 5000;
/** It holds answers and pages; beyond this it is started anew. */
const resourceLimits = { maxOldGenerationSizeMb: 256 };

/** The main thread's side of the service that answers SDKs: a worker that listens, and is told what changed, from the moment that it begins. Life: `start`, updates, `close`. */
export class HeadThread {
  /** With the ports that were had, once it listens. */
  #config: Pick<HeadConfig, 'http' | 'grpc'>;
  readonly #tools: HeadThreadTools;
  readonly #closing = new AbortController();
  #worker: Worker | null = null;
  #listeningSinceNano: bigint | null = null;
  #addresses: { readonly http: string; readonly grpc: readonly string[] } = { http: '', grpc: [] };

  constructor(config: Pick<HeadConfig, 'http' | 'grpc'>, tools: HeadThreadTools) {
    this.#config = config;
    this.#tools = tools;
  }

  /** `host:port` of each listener, as it is listened on. */
  get addresses(): { readonly http: string; readonly grpc: readonly string[] } {
    return this.#addresses;
  }

  /** Since when it answers without a break, ns since the epoch; null: it does not. */
  get listeningSinceNano(): bigint | null {
    return this.#listeningSinceNano;
  }

  update(update: HeadUpdate): void {
    const message: ToWorker = { kind: 'update', update };
    this.#worker?.postMessage(message);
  }

  /** Begins to answer. Throws CodedError `cannot_listen` where an address is taken or not ours, or a certificate or token cannot be used. */
  async start(): Promise<void> {
    const { http, grpc } = this.#config;
    const start: WorkerStart = { http, grpc, update: this.#tools.snapshot() };
    const worker = new Worker(entry, { workerData: start, resourceLimits });
    this.#worker = worker;
    const begun = deferred<void>();
    let isListening = false;
    worker.on('message', (message: FromWorker) => {
      if (message.kind === 'failed') begun.reject(new CodedError('UNAVAILABLE', 'cannot_listen', message.message));
      else if (message.kind === 'listening') {
        this.#addresses = message;
        const [own = grpc.endpoint, ...more] = message.grpc;
        this.#config = { http: { ...http, endpoint: message.http }, grpc: { ...grpc, endpoint: own, moreEndpoints: more } };
        this.#listeningSinceNano = this.#tools.seam.nowUnixNano();
        isListening = true;
        begun.resolve();
      } else this.#onMessage(message);
    });
    worker.on('error', (error) => {
      begun.reject(error);
      if (isListening) this.#tools.log.error('head_worker_failed', `the head-sampling service failed and is started again: ${messageOf(error)}`, { error });
    });
    worker.on('exit', () => {
      begun.reject(new Error('the worker of the head-sampling service ended'));
      if (this.#worker === worker) this.#worker = this.#listeningSinceNano = null;
      if (isListening && !this.#closing.signal.aborted) void this.#restart();
    });
    await begun.promise;
  }

  /** Stops listening, answers what is under way, and ends the worker. */
  async close(): Promise<void> {
    this.#closing.abort();
    const worker = this.#worker;
    if (worker === null) return;
    const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
    const message: ToWorker = { kind: 'close' };
    worker.postMessage(message);
    await withDeadline(this.#tools.seam, closeMs, () => void worker.terminate(), () => ended);
  }

  /** At the same addresses, until it listens. What comes between finds nobody, and clients ask again. */
  async #restart(): Promise<void> {
    const { seam, log, registry } = this.#tools;
    registry.counter(metrics.headWorkerRestarts).add(1);
    for (let isStarted = false; !isStarted;) {
      await seam.sleepMs(restartMs, this.#closing.signal).catch(() => undefined);
      if (this.#closing.signal.aborted) return;
      isStarted = await this.start().then(() => true, (error: unknown) => {
        log.error('head_worker_failed', `the head-sampling service cannot be started again yet: ${messageOf(error)}`, { error });
        return false;
      });
    }
  }

  #onMessage(message: Extract<FromWorker, { readonly kind: 'log' | 'counted' }>): void {
    const { log, registry } = this.#tools;
    if (message.kind === 'log') log[message.level](message.reason, message.message, message.fields);
    else for (const counted of message.counts) count(registry, counted);
  }
}

const definitions: ReadonlyMap<string, MetricDefinition> = new Map(Object.values(metrics).map((definition: MetricDefinition) => [definition.name, definition]));

function count(registry: MetricRegistry, { metric, labels, value }: Counted): void {
  const definition = definitions.get(metric);
  if (definition?.type === 'counter') registry.grow(definition, value, labels);
  if (definition?.type === 'gauge') registry.put(definition, value, labels);
}
