import type { Seam } from '../base/seam.ts';
import type { HeadConfig } from '../config/head.ts';
import type { HeadSink, HeadWindow } from '../pipeline/head-counts.ts';
import type { ServedRates } from '../pipeline/root-inputs.ts';
import type { KeyState } from './key-state.ts';
import { limitRate } from './limit-rate.ts';
import type { RateRow, RateSettings, WantedRate } from './rate-row.ts';
import { type HeadState, readState, writeState } from './state.ts';
import { HeadStatistics, type ServiceState } from './statistics.ts';
import { type Strategy, strategyJson, toldOperations } from './strategy.ts';
import { type ServiceSummary, summaryOf } from './summary.ts';

/** What changed of the answers, for whoever serves them. */
export interface HeadUpdate {
  readonly atNano: bigint;
  /** What services of which nothing is known are told. */
  readonly defaultRate: number;
  /** Answers that are new or other than before. */
  readonly strategies: readonly Strategy[];
  /** Services that are told the default again. */
  readonly removed: readonly string[];
  /** What is known of all services, those of most arrivals first. */
  readonly summaries: readonly ServiceSummary[];
}

export type HeadSettings = Pick<HeadConfig, 'defaultRate' | 'floor' | 'floorTracesPerSecond' | 'margin' | 'changeMax' | 'hysteresis' | 'lookbackMs' | 'pollIntervalMs' | 'servicesMax'>;

export interface HeadControllerParts {
  readonly seam: Pick<Seam, 'nowUnixNano'>;
  readonly settings: HeadSettings;
  readonly rule: { rates(rows: readonly RateRow[], settings: RateSettings): Promise<readonly WantedRate[]> };
  /** 1, and less where the intake is full. */
  readonly stress: () => number;
  /** Since when answers are to be had without a break, ns since the epoch; null: they are not. Without it, since the controller is there. */
  readonly servedSinceNano?: () => bigint | null;
  readonly onUpdate: (update: HeadUpdate) => void;
  /** Told of what could not be worked out: the rates stay as they are. */
  readonly onFailed: (error: unknown) => void;
}

/**
 * Makes rates out of decided windows (sampling.md, rules 21 and 22): statistics, the rule's SQL, then limits of change. Windows come as they are decided; the rule runs
 * beside, once at a time, and for many windows that come meanwhile once.
 */
export class HeadController implements HeadSink, ServedRates {
  readonly #parts: HeadControllerParts;
  readonly #statistics: HeadStatistics;
  readonly #strategies = new Map<string, { readonly strategy: Strategy; readonly json: string }>();
  readonly #startNano: bigint;
  /** When a service was last forgotten, and so told the default again. */
  #forgotNano = 0n;
  #minimum = 0;
  #isWanted = false;
  #running: Promise<void> | null = null;

  constructor(parts: HeadControllerParts) {
    this.#parts = parts;
    this.#statistics = new HeadStatistics(parts.settings.servicesMax);
    this.#startNano = parts.seam.nowUnixNano();
  }

  window(window: HeadWindow): void {
    this.#statistics.take(window);
    this.#statistics.forgetBefore(window.endNano - BigInt(Math.round(this.#parts.settings.lookbackMs * 1e6)));
    this.#minimum = window.minimum;
    this.#isWanted = true;
    this.#running ??= this.#work().finally(() => { this.#running = null; });
  }

  failed(error: unknown): void {
    this.#parts.onFailed(error);
  }

  /** Resolves when all windows that came have been worked into the rates. */
  async settled(): Promise<void> {
    await this.#running;
  }

  /** All answers as they are now. */
  snapshot(): HeadUpdate {
    return this.#update([...this.#strategies.values()].map(({ strategy }) => strategy), []);
  }

  /** What a service is told. */
  strategy(service: string): Strategy {
    return this.#strategies.get(service)?.strategy ?? { service, rate: this.#parts.settings.defaultRate, reason: 'default_rate: nothing came of it yet', changedNano: this.#forgotNano, operations: [] };
  }

  /**
   * The one rate that all traces of each service are sampled with, from two poll intervals on after the last change of its answer, or after answers could not be had (rule 23). Null where operations have rates of
   * their own: a span may have another name when it ends than when it was sampled.
   */
  stable(): ReturnType<ServedRates['stable']> {
    const { defaultRate, pollIntervalMs } = this.#parts.settings;
    const { seam, servedSinceNano = () => this.#startNano } = this.#parts;
    const servedNano = servedSinceNano() ?? seam.nowUnixNano();
    const since = (changedNano: bigint): bigint => (changedNano > servedNano ? changedNano : servedNano) + BigInt(Math.round(pollIntervalMs * 2e6));
    const services = [...this.#strategies.values()].map(({ strategy: { service, rate, changedNano, operations } }) => (
      { service, rate: operations.length > 0 ? null : { rate, sinceNano: since(changedNano) } }));
    return { otherwise: { rate: defaultRate, sinceNano: since(this.#forgotNano) }, services };
  }

  /** What outlives the process. */
  state(): HeadState {
    return writeState(this.#statistics.services);
  }

  /** Goes on from what an earlier process left, before any window. What had been told may still be under way, so it counts as changed now. */
  restore(state: HeadState): void {
    readState(state, this.#statistics);
    this.#tell();
  }

  async #work(): Promise<void> {
    while (this.#isWanted) {
      this.#isWanted = false;
      try {
        const { settings, rule, stress } = this.#parts;
        const wanted = await rule.rates(this.#statistics.rows(settings.defaultRate), { ...settings, headMinimum: this.#minimum, stress: stress() });
        this.#apply(wanted);
        this.#tell();
      } catch (error) {
        this.#parts.onFailed(error);
      }
    }
  }

  #apply(wanted: readonly WantedRate[]): void {
    const { settings } = this.#parts;
    const nowNano = this.#parts.seam.nowUnixNano();
    for (const { service, operation, rate, reason } of [...wanted].sort((a, b) => Number(a.operation === null) - Number(b.operation === null))) {
      const state = this.#statistics.services.get(service);
      const key: KeyState | undefined = operation === null ? state?.whole : state?.operations.get(operation);
      if (state === undefined || key === undefined) continue;
      const served = key.rate ?? (operation === null ? settings.defaultRate : state.whole.rate ?? settings.defaultRate);
      const next = limitRate(served, rate, settings);
      if (next !== key.rate) key.changedNano = nowNano;
      key.rate = next;
      key.reason = next === rate || next === served ? reason : `${reason}, by steps`;
    }
  }

  #tell(): void {
    const nowNano = this.#parts.seam.nowUnixNano();
    const changed: Strategy[] = [];
    for (const [service, state] of this.#statistics.services) {
      const strategy = this.#strategyOf(service, state, nowNano);
      const known = this.#strategies.get(service);
      const json = strategyJson(strategy);
      const isSame = known?.json === json;
      if (isSame && known.strategy.reason === strategy.reason) continue;
      const told = isSame ? { ...strategy, changedNano: known.strategy.changedNano } : strategy;
      this.#strategies.set(service, { strategy: told, json });
      changed.push(told);
    }
    const removed = [...this.#strategies.keys()].filter((service) => !this.#statistics.services.has(service));
    for (const service of removed) this.#strategies.delete(service);
    if (removed.length > 0) this.#forgotNano = nowNano;
    this.#parts.onUpdate(this.#update(changed, removed));
  }

  #strategyOf(service: string, { whole, operations }: ServiceState, nowNano: bigint): Strategy {
    const { defaultRate } = this.#parts.settings;
    const rate = whole.rate ?? defaultRate;
    const told = toldOperations(rate, [...operations].flatMap(([operation, key]) => (key.rate === null ? [] : [{ operation, rate: key.rate }])));
    const isDefault = rate === defaultRate && told.length === 0 && !this.#strategies.has(service);
    return { service, rate, reason: whole.reason, changedNano: isDefault ? this.#forgotNano : nowNano, operations: told };
  }

  #update(strategies: readonly Strategy[], removed: readonly string[]): HeadUpdate {
    const { seam, settings: { defaultRate } } = this.#parts;
    const summaries = [...this.#statistics.services].map(([service, state]) => summaryOf(service, state, defaultRate));
    return { atNano: seam.nowUnixNano(), defaultRate, strategies, removed, summaries: summaries.sort((a, b) => b.arrivalsPerSecond - a.arrivalsPerSecond) };
  }
}
