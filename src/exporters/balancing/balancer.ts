import { messageOf } from '../../base/errors.ts';
import type { Seam } from '../../base/seam.ts';
import type { OtapBatch } from '../../otap/batch.ts';
import { allRows } from '../../otap/take/split.ts';
import type { Signal } from '../../otap/payload-type.ts';
import type { BatchSink, PushResult } from '../../pipeline/sink.ts';
import { worstOf } from '../../pipeline/sink-delivery.ts';
import { backoffMs, exporterClosed, type RetryPolicy } from '../retry.ts';
import { MemberLinks, type MemberLinksOptions } from './member-links.ts';
import { holdPart, type Part, partsOf } from './parts.ts';
import { type BatchTraceIds, traceIdsOf } from './trace-ids.ts';
import type { TraceOwnersOptions } from './trace-owners.ts';
import { type Member, nobody, TraceRouter } from './trace-router.ts';

/** Told what the balancer does; counts and logs, and nothing else. */
export interface BalancerObserver {
  /** Rows that a member acknowledged (`ok`), refused for good, or did not answer for. */
  sent(signal: Signal, member: string, rows: number, result: PushResult): void;
  down(member: string, result: PushResult): void;
  up(member: string): void;
  gone(member: string): void;
}

export interface BalancerOptions extends MemberLinksOptions, Omit<TraceOwnersOptions, 'hashSeed'> {
  readonly name: string;
  readonly seam: Seam;
  /** Whether a member that fails is left alone; `isOverload` says which failures are those of a member that is there. */
  readonly failsOver: boolean;
  readonly isOverload: (reason: string) => boolean;
  /** How long a batch of which a part is delivered is kept on trying. */
  readonly giveUpMs: number;
  readonly isAlive: (endpoint: string) => Promise<boolean>;
  readonly observer: BalancerObserver;
}

/** Waits between rounds of one batch: a member that is full is not asked over and over. */
const rounds: RetryPolicy = { enabled: true, initialIntervalMs: 100, maxIntervalMs: 500, maxElapsedMs: 0 };
/** Wait between looks at members. */
const tickMs = 500;
/** Wait before a member that is down is looked at again; it doubles from one failure to the next. */
const restMs = { min: 1000, max: 30_000 };

const noMembers: PushResult = { kind: 'retryable', reason: 'no_members', message: 'no member answers' };

/**
 * Shares batches out to members by `TraceRouter`, and ends each when all its rows are acknowledged. What a member did not take for now is shared out anew, without
 * the members that are down by then. So a batch may reach two members twice in part, never silently not at all.
 */
export class Balancer implements BatchSink {
  readonly name: string;
  readonly router: TraceRouter;
  readonly links: MemberLinks;
  readonly #options: BalancerOptions;
  readonly #stop = new AbortController();
  /** How often each member has gone down since it last took something. */
  readonly #failures = new Map<number, number>();

  constructor(options: BalancerOptions) {
    this.name = options.name;
    this.#options = options;
    this.router = new TraceRouter(options);
    this.links = new MemberLinks(options);
    void this.#watch();
  }

  get queuedBytes(): number {
    return [...this.links.queuedBytes.values()].reduce((sum, bytes) => sum + bytes, 0);
  }

  get tableBytes(): number {
    return this.router.owners?.byteLength ?? 0;
  }

  get delivered(): number {
    return this.links.delivered;
  }

  /** The list of members is this from now on. */
  setMembers(endpoints: readonly string[]): void {
    this.router.setMembers(endpoints, this.#advance());
  }

  /** Resolves when all rows are acknowledged, refused for good, or given up; with the worst of it. */
  async pass(batch: OtapBatch): Promise<PushResult> {
    const startMs = this.#options.seam.monotonicMs();
    const ids = traceIdsOf(batch);
    const final: PushResult[] = [];
    for (let [rows, round] = [allRows(batch), 1]; ; round++) {
      const nowMs = this.#advance();
      const parts = partsOf(ids, rows, this.router);
      const results = await Promise.all(parts.map((part) => this.#deliver(batch, ids, part)));
      final.push(...results.filter(({ kind }) => kind !== 'retryable'));
      const failed = parts.filter((_, index) => results[index].kind === 'retryable');
      if (failed.length === 0) return worstOf(final);
      const isUntouched = final.length === 0 && failed.every(({ member }) => member === nobody);
      const isOver = this.#stop.signal.aborted || nowMs - startMs >= this.#options.giveUpMs;
      if (isUntouched || isOver || !(await this.#pause(backoffMs(rounds, round, this.#options.seam.jitter(), null)))) return worstOf([...final, ...results]);
      rows = Uint32Array.from(failed.flatMap((part) => [...part.rows])).sort();
    }
  }

  push(): Promise<void> {
    return Promise.reject(new TypeError(`${this.name} takes batches as they come, not what was gathered of them`));
  }

  dropWhenFull(): void {
    for (const sink of this.links.sinks) sink.dropWhenFull?.();
  }

  async drain(deadlineMs: number): Promise<void> {
    this.#stop.abort();
    await this.links.closeAll(deadlineMs);
  }

  async #deliver(batch: OtapBatch, ids: BatchTraceIds | null, part: Part): Promise<PushResult> {
    const { member: number, rows } = part;
    const member = this.router.member(number);
    if (member === undefined) return noMembers;
    const result = await this.links.deliver(member.name, batch, rows).catch((error: unknown): PushResult => ({ kind: 'retryable', reason: 'not_opened', message: messageOf(error) }));
    this.#options.observer.sent(batch.signal, member.name, rows.length, result);
    if (result.kind === 'retryable') this.#failed(number, result);
    if (result.kind !== 'ok') return result;
    this.#failures.delete(number);
    if (this.router.owners !== null) holdPart(ids, part, this.router);
    return result;
  }

  /** A member that answers that it is full is there; one that does not answer is down. What its link had comes back with it. */
  #failed(number: number, result: Exclude<PushResult, { readonly kind: 'ok' }>): void {
    const { failsOver, isOverload, observer } = this.#options;
    const member = this.router.member(number);
    if (!failsOver || member === undefined || member.isDown || result.reason === exporterClosed || isOverload(result.reason)) return;
    this.router.setDown(number, true);
    observer.down(member.name, result);
    void this.links.close(member.name, 0);
    void this.#revive(member);
  }

  async #revive({ number, name }: Member): Promise<void> {
    const { isAlive, observer } = this.#options;
    const failures = this.#failures.get(number) ?? 0;
    this.#failures.set(number, failures + 1);
    for (let waitMs = Math.min(restMs.max, restMs.min * 2 ** failures); await this.#pause(waitMs); ) {
      if (this.router.member(number) === undefined) return;
      if (!(await isAlive(name))) continue;
      this.router.setDown(number, false);
      observer.up(name);
      return;
    }
  }

  /** Members leave also while nothing comes. */
  async #watch(): Promise<void> {
    while (await this.#pause(tickMs)) this.#advance();
  }

  #advance(): number {
    const nowMs = this.#options.seam.monotonicMs();
    for (const { name, number } of this.router.advanceTo(nowMs)) {
      this.#failures.delete(number);
      this.#options.observer.gone(name);
      if (!this.router.members.some((other) => other.name === name)) void this.links.close(name, restMs.max);
    }
    return nowMs;
  }

  /** False when the balancer was closed in the meantime. */
  #pause(ms: number): Promise<boolean> {
    return this.#options.seam.sleepMs(ms, this.#stop.signal).then(() => true, () => false);
  }
}
