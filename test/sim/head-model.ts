import { readFileSync } from 'node:fs';
import { packageFile } from '../../src/base/package-paths.ts';
import { realSeam } from '../../src/base/seam.ts';
import { compileRule } from '../../src/head/compile-rule.ts';
import { HeadController, type HeadSettings } from '../../src/head/controller.ts';
import { HeadRule } from '../../src/head/rule.ts';
import type { HeadKeyCounts } from '../../src/pipeline/head-counts.ts';

/** What `head: {}` reads to. */
export const headSettings: HeadSettings = {
  defaultRate: 1, floor: 0.001, floorTracesPerSecond: 1, margin: 2, changeMax: 4, hysteresis: 0.1, lookbackMs: 60_000, pollIntervalMs: 60_000, servicesMax: 1000 };

export const defaultRuleText = readFileSync(packageFile('sql/head/default.sql'), 'utf8');

/** A controller with a rule of its own, on the real engine, and a clock that the test sets. */
export async function openController(ruleText = defaultRuleText, settings: Partial<HeadSettings> = {}, stress = (): number => 1): Promise<{
  readonly controller: HeadController; readonly clock: { nowNano: bigint }; readonly failures: unknown[]; close(): void;
}> {
  const rule = await HeadRule.open(await compileRule('head', ruleText, realSeam()), realSeam());
  const clock = { nowNano: 0n };
  const failures: unknown[] = [];
  const controller = new HeadController({
    seam: { nowUnixNano: () => clock.nowNano }, settings: { ...headSettings, ...settings }, rule, stress, onUpdate: () => {}, onFailed: (error) => failures.push(error) });
  return { controller, clock, failures, close: () => rule.close() };
}

/** Draws by a uniform source. */
export class Draws {
  readonly #next: () => number;

  constructor(next: () => number) {
    this.#next = next;
  }

  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.#next())) * Math.cos(2 * Math.PI * this.#next());
  }

  poisson(mean: number): number {
    if (mean > 50) return Math.max(0, Math.round(mean + Math.sqrt(mean) * this.normal()));
    let [product, count] = [this.#next(), 0];
    for (const least = Math.exp(-mean); product > least; count++) product *= this.#next();
    return count;
  }

  binomial(n: number, p: number): number {
    if (n * Math.min(p, 1 - p) > 50) return Math.min(n, Math.max(0, Math.round(n * p + Math.sqrt(n * p * (1 - p)) * this.normal())));
    let count = 0;
    if (n > 2000) return Math.min(n, p < 0.5 ? this.poisson(n * p) : n - this.poisson(n * (1 - p)));
    for (let i = 0; i < n; i++) if (this.#next() < p) count++;
    return count;
  }

  /** The j-th smallest of n uniforms: by the j exponentials up to it, of all n + 1. */
  orderStatistic(j: number, n: number): number {
    const [below, above] = [this.gamma(j), this.gamma(n - j + 1)];
    return below / (below + above);
  }

  /** Gamma of a whole shape: a sum of exponentials, or for a large one the cube of a normal (Wilson and Hilferty). */
  gamma(shape: number): number {
    if (shape > 400) return shape * (1 - 1 / (9 * shape) + this.normal() / (3 * Math.sqrt(shape))) ** 3;
    let sum = 0;
    for (let i = 0; i < shape; i++) sum -= Math.log(1 - this.#next());
    return sum;
  }
}

/** What a window of one service came to, with and without sampling at the head. */
export interface ModelWindow {
  readonly counts: HeadKeyCounts;
  readonly arrived: number;
  readonly collected: number;
  readonly kept: number;
  /** Kept of the sample, and how many of it are lost: kept without sampling at the head, and not with it. */
  readonly sampled: number;
  readonly sampledWithout: number;
  readonly estimate: number;
  readonly tau: number;
}

export const spansOfTrace = 10;
const spanBytes = 300;

/**
 * A window of `arrived` traces that the sender samples with `p`, each by its own u, and of which the tail keeps those with an error, and bottom-k of all. tau is the u of the
 * first that is left out when all come; with less than that, all that come are kept.
 */
export function modelWindow(draws: Draws, service: string, arrived: number, p: number, k: number, errorShare: number): ModelWindow {
  const tau = arrived > k ? draws.orderStatistic(k + 1, arrived) : 1;
  const isWhole = tau >= p;
  const sampledWithout = Math.min(k, arrived);
  const sampled = isWhole ? draws.binomial(sampledWithout, Math.min(1, p / tau)) : k;
  const collected = isWhole ? sampled : k + 1 + draws.binomial(arrived - k - 1, (p - tau) / (1 - tau));
  const errors = draws.binomial(collected - sampled, errorShare);
  const kept = sampled + errors;
  const pTail = Math.min(tau, p);
  const items = collected * spansOfTrace;
  const counts: HeadKeyCounts = {
    service, operation: null, traces: collected, arrivals: collected / p, pIn: p, p: isWhole && p === 1 ? 1 : pTail, unknown: 0,
    items, itemsKept: kept * spansOfTrace, bytes: items * spanBytes, bytesKept: kept * spansOfTrace * spanBytes };
  return { counts, arrived, collected, kept, sampled, sampledWithout, estimate: sampled / pTail, tau };
}
