import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { CodedError, messageOf } from './base/errors.ts';
import { FileWatch } from './base/file-watch.ts';
import type { Seam } from './base/seam.ts';
import type { HeadConfig, ThresherConfig } from './config/load.ts';
import { type CompiledRule, compileRule } from './head/compile-rule.ts';
import { HeadController, type HeadUpdate } from './head/controller.ts';
import { HeadMetrics } from './head/metrics.ts';
import { HeadRule } from './head/rule.ts';
import { StateFile } from './head/state-file.ts';
import { HeadThread } from './http/head/thread.ts';
import type { Logger } from './telemetry/log.ts';
import type { MetricRegistry } from './telemetry/metrics.ts';
import { metrics } from './telemetry/declared.ts';

export interface HeadSamplingTools {
  readonly seam: Seam;
  readonly log: Logger;
  readonly registry: MetricRegistry;
  /** How much of what is wanted may be asked for: 1, and less where the intake is full. */
  readonly stress: () => number;
}

/** `host:port` of each listener, as it is listened on. */
export type HeadAddresses = HeadThread['addresses'];

/** State is written no more often. */
const saveMs = 10_000;

/** How often the SQL's file is looked at where the file system tells nothing, and how long it must rest before it is read. */
const watching = { pollMs: 5000, settleMs: 100 } as const;

/** The head-sampling service as a whole: windows go in, answers are served by a thread. Life: `open`, `listen`, windows, `close`. */
export class HeadSampling {
  readonly controller: HeadController;
  readonly #config: HeadConfig;
  readonly #tools: HeadSamplingTools;
  readonly #rule: HeadRule;
  readonly #file: StateFile | null;
  readonly #metrics: HeadMetrics;
  /** The text that runs, and what was last refused. */
  #text: string;
  #refused: string | null = null;
  #watch: FileWatch | null = null;
  #thread: HeadThread | null = null;
  #savedMs = -Infinity;

  private constructor(config: HeadConfig, tools: HeadSamplingTools, rule: HeadRule, text: string, file: StateFile | null) {
    this.#config = config;
    this.#tools = tools;
    this.#rule = rule;
    this.#text = text;
    this.#file = file;
    this.#metrics = new HeadMetrics(tools.registry);
    this.controller = new HeadController({
      seam: tools.seam, settings: config, rule, stress: tools.stress, servedSinceNano: () => this.#thread?.listeningSinceNano ?? null, onUpdate: (update) => this.#onUpdate(update), onFailed: (error) => this.#onFailed(error) });
  }

  /** Reads the SQL of rates and what an earlier process left. Null where the configuration has no head sampling. Throws PolicyError where the SQL cannot be used. */
  static async open({ head, durability, storage }: ThresherConfig, tools: HeadSamplingTools): Promise<HeadSampling | null> {
    if (head === null) return null;
    const text = await readFile(head.policy, 'utf8');
    const rule = await HeadRule.open(await compiled(head, text, tools.seam), tools.seam);
    const path = head.stateFile ?? (durability === 'none' ? null : join(storage.directory, 'head-state.json'));
    const opened = new HeadSampling(head, tools, rule, text, path === null ? null : new StateFile(path));
    await opened.#restore();
    return opened;
  }

  /** Begins to answer, and where `watches` to look at the SQL's file; gives the addresses. Throws CodedError `cannot_listen`. */
  async listen(watches: boolean): Promise<HeadAddresses> {
    const { seam, log, registry } = this.#tools;
    this.#thread = new HeadThread(this.#config, { seam, log, registry, snapshot: () => this.controller.snapshot() });
    await this.#thread.start();
    if (watches) this.#watch = new FileWatch({ seam, find: () => [this.#config.policy], directories: () => [dirname(this.#config.policy)], onChange: () => this.reload(), ...watching });
    this.#watch?.start();
    return this.#thread.addresses;
  }

  /** Reads the SQL of rates again; where it cannot be used the old one stays, and the log says why. Never rejects. */
  async reload(): Promise<void> {
    const { seam, log } = this.#tools;
    try {
      const text = await readFile(this.#config.policy, 'utf8');
      if (text === this.#text || text === this.#refused) return;
      this.#refused = text;
      this.#rule.use(await compiled(this.#config, text, seam));
      this.#text = text;
      this.#refused = null;
      log.info('head_policy_loaded', 'changed SQL makes the rates from now on', { file: this.#config.policy });
    } catch (error) {
      log.error('head_policy_refused', `changed SQL of rates cannot be used, the old one stays: ${messageOf(error)}`, { file: this.#config.policy });
    }
  }

  /** Stops answering; what is known is written down. */
  async close(): Promise<void> {
    await this.#watch?.stop();
    await this.#thread?.close();
    await this.controller.settled();
    await this.#file?.write(this.controller.state()).catch((error: unknown) => this.#onFailed(new CodedError('UNAVAILABLE', 'state_file', messageOf(error))));
    this.#rule.close();
  }

  async #restore(): Promise<void> {
    try {
      const state = await this.#file?.read() ?? null;
      if (state !== null) this.controller.restore(state);
    } catch (error) {
      this.#tools.log.warn('head_state_unusable', `rates of before are not known, and begin with head.default_rate: ${messageOf(error)}`);
    }
  }

  #onUpdate(update: HeadUpdate): void {
    this.#metrics.update(update);
    this.#thread?.update(update);
    const nowMs = this.#tools.seam.monotonicMs();
    if (this.#file === null || nowMs - this.#savedMs < saveMs) return;
    this.#savedMs = nowMs;
    this.#file.write(this.controller.state()).catch((error: unknown) => this.#onFailed(new CodedError('UNAVAILABLE', 'state_file', `state_file cannot be written: ${messageOf(error)}`)));
  }

  #onFailed(error: unknown): void {
    const reason = error instanceof CodedError ? error.reason : 'failed';
    this.#tools.registry.counter(metrics.headFailures).add(1, { reason });
    this.#tools.log.error('head_failed', `head sampling goes on with the rates of before: ${messageOf(error)}`, { reason });
  }
}

function compiled({ policy }: HeadConfig, text: string, seam: Seam): Promise<CompiledRule> {
  return compileRule(basename(policy, '.sql'), text, seam);
}
