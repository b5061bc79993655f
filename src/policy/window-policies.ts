import type { Seam } from '../base/seam.ts';
import type { SideFiles } from '../storage/side-files.ts';
import type { Session } from '../store/duckdb.ts';
import type { SampledSignal } from '../store/slot-plan.ts';
import { childViewSql, rowViewSql, starViewSql, traceViewSql, type Window } from '../store/window-views.ts';
import type { CompiledPolicy, HistoryPlan, SideView, ViewReads } from './compile/compiled.ts';
import { isConnectionLost } from './compile/policy-error.ts';
import { evaluatePolicy, type PolicyPicks } from './evaluate.ts';
import { type HistoryOutcome, PolicyHistories } from './history.ts';
import { thisWindowSql, type WindowBounds } from './this-window.ts';

/** What one policy said about a window, or why it could not. */
export interface PolicyOutcome {
  readonly policy: CompiledPolicy;
  readonly picks: PolicyPicks | null;
  readonly error: unknown;
  readonly elapsedMs: number;
  /** What was remembered for its view `history`; null where it failed, or declares none. */
  readonly history?: HistoryOutcome | null;
}

export interface PolicyLimits {
  readonly deadlineMs: number;
  readonly rowsMax: number;
  /** From when to when a window of a number is, which the view `this_window` tells. */
  readonly windowBounds?: (number: number) => WindowBounds;
}

/** Where user SQL runs: a session that is replaced once a query on it could not be stopped. */
export class PolicyRunner {
  readonly #connect: () => Promise<Session>;
  readonly #limits: PolicyLimits;
  readonly #seam: Seam;
  readonly #histories: PolicyHistories;
  #session: Session | null = null;

  /** `files`: where what policies remember is saved for the next start. */
  constructor(connect: () => Promise<Session>, limits: PolicyLimits, seam: Seam, files: SideFiles | null = null) {
    this.#connect = connect;
    this.#limits = limits;
    this.#seam = seam;
    this.#histories = new PolicyHistories(limits.deadlineMs, seam, files);
  }

  /** What policies of a signal remember is as it was saved; before any runs. */
  async restore(signal: SampledSignal): Promise<void> {
    this.#session ??= await this.#connect();
    await this.#histories.restore(this.#session, signal);
  }

  /** Runs one policy over a window. `tracesTable` holds the window's traces, made with the union of all policies' reads. `remembers`: whether the window goes into the policy's history. */
  async run(policy: CompiledPolicy, window: Window, tracesTable: string | null, remembers = true): Promise<PolicyOutcome> {
    const startMs = this.#seam.monotonicMs();
    const done = (picks: PolicyPicks | null, error: unknown, history: HistoryOutcome | null): PolicyOutcome => (
      { policy, picks, error, elapsedMs: this.#seam.monotonicMs() - startMs, history });
    try {
      this.#session ??= await this.#connect();
      await this.#createViews(this.#session, policy, window, tracesTable);
      const picks = await evaluatePolicy(this.#session.api, policy, { ...this.#limits, seam: this.#seam });
      return done(picks, null, policy.history === null || !remembers ? null : await this.#record(this.#session, policy, policy.history, { window, tracesTable, picks }));
    } catch (error) {
      if (isConnectionLost(error)) this.#session = null;
      return done(null, error, null);
    }
  }

  /** Remembers what the window came to, once its items are named: from the next window on the policy reads it. */
  async #record(
    session: Session, policy: CompiledPolicy, plan: HistoryPlan, { window, tracesTable, picks }: { readonly window: Window; readonly tracesTable: string | null; readonly picks: PolicyPicks },
  ): Promise<HistoryOutcome> {
    try {
      for (const reads of plan.views) await createView(session, reads.view, viewSql(reads, window, tracesTable));
      return await this.#histories.record(session, policy, plan, window, picks);
    } catch (error) {
      if (isConnectionLost(error)) this.#session = null;
      return { keys: 0, forgottenKeys: 0, error };
    }
  }

  close(): void {
    this.#session?.close();
    this.#session = null;
  }

  async #createViews(session: Session, policy: CompiledPolicy, window: Window, tracesTable: string | null): Promise<void> {
    for (const reads of policy.views) await createView(session, reads.view, viewSql(reads, window, tracesTable));
    for (const { star } of policy.stars) await createView(session, star, starViewSql(window, star));
    for (const { side } of policy.sides) {
      await createView(session, side, this.#sideViewSql(side, policy, window));
    }
  }

  #sideViewSql(side: SideView, policy: CompiledPolicy, window: Window): string {
    if (side === 'history') return this.#histories.viewSql(policy, window.number ?? 0);
    if (side === 'this_window') return thisWindowSql(this.#limits.windowBounds?.(window.number ?? 0) ?? { startNano: 0n, endNano: 0n });
    return window.keptTraces ?? noKeptTraces;
  }
}

const noKeptTraces = 'SELECT NULL::UUID AS trace_id, NULL::DOUBLE AS probability, NULL::DOUBLE AS adjusted_count WHERE false';

async function createView(session: Session, name: string, sql: string): Promise<void> {
  await session.run(`CREATE OR REPLACE TEMP VIEW ${name} AS ${sql}`);
}

function viewSql(reads: ViewReads, window: Window, tracesTable: string | null): string {
  if (reads.view === 'traces') {
    if (tracesTable === null) throw new Error('invariant broken: no traces in a window of logs');
    return traceViewSql(window, tracesTable, reads);
  }
  if (reads.view === 'spans' || reads.view === 'logs') return rowViewSql(window, reads.view, reads);
  return childViewSql(window, reads.view, reads);
}
