import type { HeadConfig } from '../../config/head.ts';
import type { HeadUpdate } from '../../head/controller.ts';
import type { LogLevel } from '../../telemetry/log.ts';

/** What the worker starts with. */
export interface WorkerStart {
  readonly http: HeadConfig['http'];
  readonly grpc: HeadConfig['grpc'];
  readonly update: HeadUpdate;
}

/** To the worker: new answers; a question that is answered once they are in; the end. */
export type ToWorker = { readonly kind: 'update'; readonly update: HeadUpdate } | { readonly kind: 'close' };

/** One number of a metric, by its name. */
export interface Counted {
  readonly metric: string;
  readonly labels: Readonly<Record<string, string>>;
  /** How much a counter grew, or what a gauge is. */
  readonly value: number;
}

/** From the worker: where it listens; why it cannot; a line of the log; what it counted. */
export type FromWorker =
  | { readonly kind: 'listening'; readonly http: string; readonly grpc: readonly string[] }
  | { readonly kind: 'failed'; readonly message: string }
  | { readonly kind: 'log'; readonly level: LogLevel; readonly reason: string; readonly message: string; readonly fields: Readonly<Record<string, string | number | boolean>> }
  | { readonly kind: 'counted'; readonly counts: readonly Counted[] };
