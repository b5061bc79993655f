import { messageOf } from './base/errors.ts';
import type { Seam } from './base/seam.ts';
import { findPolicyFiles } from './config/policy-files.ts';
import { certainPolicies } from './pipeline/certain-policies.ts';
import type { Combine } from './pipeline/combining.ts';
import { hashOfTexts, openPolicies, type PolicyText, readPolicyTexts, signalsWithoutPolicy } from './policies.ts';
import type { CompiledPolicy } from './policy/compile/compiled.ts';
import { metrics } from './telemetry/declared.ts';
import type { Logger } from './telemetry/log.ts';
import type { MetricRegistry } from './telemetry/metrics.ts';

/** What made us look: an event or a look at the files, SIGHUP, or a request. */
export type ReloadTrigger = 'files' | 'signal' | 'http';

/** What came of a reload, and the policies that were loaded last, which are the old ones where it was refused. */
export interface ReloadOutcome {
  readonly result: 'loaded' | 'unchanged' | 'refused';
  readonly generation: number;
  readonly hash: string;
  /** Why the files were refused. */
  readonly message: string | null;
}

export interface PolicyReloadParts {
  readonly seam: Seam;
  readonly log: Logger;
  readonly registry: MetricRegistry;
  /** Absolute paths and globs. */
  readonly patterns: readonly string[];
  /** Whether all is kept of a signal that no enforce policy is for, else nothing. */
  readonly keepsRest: boolean;
  /** How enforce policies come together, where traces are to be decided at once; left out or null where they are not. */
  readonly atOnceBy?: Combine | null;
  /** Gives a set to the processor; its number. */
  readonly use: (policies: readonly CompiledPolicy[]) => number;
}

/** Policies with the texts that they were made of. */
export interface LoadedTexts {
  readonly texts: readonly PolicyText[];
  readonly policies: readonly CompiledPolicy[];
}

/**
 * Puts the policies of changed files in the place of those that run: all of them, or none where one cannot be used. Compiling happens in a
 * database of its own, beside what runs. The configuration itself is not read again.
 */
export class PolicyReloader {
  readonly #parts: PolicyReloadParts;
  #hash: string;
  #generation = 1;
  #isRefused = false;
  #running: Promise<unknown> = Promise.resolve();
  #next: Promise<ReloadOutcome> | null = null;

  /** `first` is what the processor was opened with. */
  constructor(parts: PolicyReloadParts, first: LoadedTexts) {
    this.#parts = parts;
    this.#hash = hashOfTexts(first.texts);
    this.#tellLoaded(first.policies, 'start');
  }

  /** Number and hash of the policies that were loaded last. */
  get loaded(): { readonly generation: number; readonly hash: string } {
    return { generation: this.#generation, hash: this.#hash };
  }

  /** Reads the files again, one reload at a time; whoever asks while one waits gets the outcome of that one. Never rejects. */
  reload(trigger: ReloadTrigger): Promise<ReloadOutcome> {
    if (this.#next !== null) return this.#next;
    const next = this.#running.then(() => {
      this.#next = null;
      return this.#load(trigger);
    });
    this.#next = next;
    this.#running = next;
    return next;
  }

  async #load(trigger: ReloadTrigger): Promise<ReloadOutcome> {
    try {
      const texts = readPolicyTexts(findPolicyFiles(this.#parts.patterns));
      const hash = hashOfTexts(texts);
      if (hash === this.#hash) return this.#unchanged(trigger);
      const { policies } = await openPolicies(texts, { keepsRest: this.#parts.keepsRest });
      this.#generation = this.#parts.use(policies);
      this.#hash = hash;
      this.#parts.registry.counter(metrics.policyReloads).add(1, { result: 'loaded' });
      this.#tellLoaded(policies, trigger);
      return this.#outcome('loaded');
    } catch (error) {
      return this.#refuse(error, trigger);
    }
  }

  #unchanged(trigger: ReloadTrigger): ReloadOutcome {
    const { log, registry } = this.#parts;
    if (trigger !== 'files' || this.#isRefused) {
      registry.counter(metrics.policyReloads).add(1, { result: 'unchanged' });
      log.info('policies_unchanged', 'the policy files are those that run', { trigger, ...this.loaded });
    }
    this.#isRefused = false;
    registry.gauge(metrics.policyReloadOk).set(1);
    return this.#outcome('unchanged');
  }

  #refuse(error: unknown, trigger: ReloadTrigger): ReloadOutcome {
    const { log, registry } = this.#parts;
    this.#isRefused = true;
    registry.counter(metrics.policyReloads).add(1, { result: 'refused' });
    registry.gauge(metrics.policyReloadOk).set(0);
    const message = messageOf(error);
    log.error('policies_refused', `changed policies cannot be used, the old ones stay: ${message}`, { trigger, ...this.loaded });
    return this.#outcome('refused', message);
  }

  #outcome(result: ReloadOutcome['result'], message: string | null = null): ReloadOutcome {
    return { result, ...this.loaded, message };
  }

  #tellLoaded(policies: readonly CompiledPolicy[], trigger: ReloadTrigger | 'start'): void {
    const { log, registry, seam } = this.#parts;
    this.#isRefused = false;
    registry.gauge(metrics.policyReloadOk).set(1);
    registry.gauge(metrics.policyLoadTime).set(Number(seam.nowUnixNano() / 1_000_000n) / 1000);
    registry.gauge(metrics.policyGeneration).set(this.#generation);
    const set = registry.gauge(metrics.policySetInfo);
    set.clear();
    set.set(1, { hash: this.#hash });
    const info = registry.gauge(metrics.policyInfo);
    info.clear();
    for (const { name, signal, source } of policies) info.set(1, { policy: name, signal, hash: hashOfTexts([{ name, text: source }]) });
    const named = policies.map(({ name, signal }) => `${name} (${signal})`).join(', ');
    log.info('policies_loaded', `policies number ${this.#generation}: ${named}`, { trigger, ...this.loaded });
    for (const signal of signalsWithoutPolicy(policies)) log.warn('signal_without_policy', `no policy keeps ${signal}, so all ${signal} are dropped; policy.signals_without_policy: keep keeps them`, { signal });
    this.#tellAtOnce(policies.filter(({ signal }) => signal === 'traces'));
    for (const { name, warnings } of policies) for (const warning of warnings) log.warn('policy_warning', `policy ${name}: ${warning}`, { policy: name });
  }

  #tellAtOnce(policies: readonly CompiledPolicy[]): void {
    const { log, atOnceBy = null } = this.#parts;
    if (atOnceBy === null || certainPolicies(policies, atOnceBy).length > 0) return;
    const why = policies.some(({ mode }) => mode === 'drop') ? 'a drop policy may yet limit whatever is kept' : 'no policy keeps traces for good; policy check shows which do';
    log.warn('nothing_at_once', `windows.traces.decide_at_once has no effect: ${why}`);
  }
}
