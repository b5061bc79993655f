import type { Seam } from '../base/seam.ts';
import type { Session } from '../store/duckdb.ts';
import { childViewSql, rowViewSql, starViewSql, traceViewSql, type Window } from '../store/window-views.ts';
import type { CompiledPolicy, ViewReads } from './compile/compiled.ts';
import { evaluatePolicy, type PolicyPicks } from './evaluate.ts';

/** What one policy said about a window, or why it could not. */
export interface PolicyOutcome {
  readonly policy: CompiledPolicy;
  readonly picks: PolicyPicks | null;
  readonly error: unknown;
  readonly elapsedMs: number;
}

export interface PolicyLimits {
  readonly deadlineMs: number;
  readonly rowsMax: number;
}

/** Where user SQL runs: a session that is replaced once a query on it could not be stopped. */
export class PolicyRunner {
  readonly #connect: () => Promise<Session>;
  readonly #limits: PolicyLimits;
  readonly #seam: Seam;
  #session: Session | null = null;

  constructor(connect: () => Promise<Session>, limits: PolicyLimits, seam: Seam) {
    this.#connect = connect;
    this.#limits = limits;
    this.#seam = seam;
  }

  /** Runs one policy over a window. `tracesTable` holds the window's traces, made with the union of all policies' reads. */
  async run(policy: CompiledPolicy, window: Window, tracesTable: string | null): Promise<PolicyOutcome> {
    const startMs = this.#seam.monotonicMs();
    const done = (picks: PolicyPicks | null, error: unknown): PolicyOutcome => (
      { policy, picks, error, elapsedMs: this.#seam.monotonicMs() - startMs });
    try {
      this.#session ??= await this.#connect();
      await this.#createViews(this.#session, policy, window, tracesTable);
      return done(await evaluatePolicy(this.#session.api, policy, { ...this.#limits, seam: this.#seam }), null);
    } catch (error) {
      if (isConnectionLost(error)) this.#session = null;
      return done(null, error);
    }
  }

  close(): void {
    this.#session?.close();
    this.#session = null;
  }

  async #createViews(session: Session, policy: CompiledPolicy, window: Window, tracesTable: string | null): Promise<void> {
    for (const reads of policy.views) {
      await session.run(`CREATE OR REPLACE TEMP VIEW ${reads.view} AS ${viewSql(reads, window, tracesTable)}`);
    }
    for (const { star } of policy.stars) {
      await session.run(`CREATE OR REPLACE TEMP VIEW ${star} AS ${starViewSql(window, star)}`);
    }
  }
}

function viewSql(reads: ViewReads, window: Window, tracesTable: string | null): string {
  if (reads.view === 'traces') {
    if (tracesTable === null) throw new Error('invariant broken: no traces in a window of logs');
    return traceViewSql(window, tracesTable, reads);
  }
  if (reads.view === 'spans' || reads.view === 'logs') return rowViewSql(window, reads.view, reads);
  return childViewSql(window, reads.view, reads);
}

function isConnectionLost(error: unknown): boolean {
  return error instanceof Error && 'connectionLost' in error && error.connectionLost === true;
}
