import { CodedError } from '../base/errors.ts';
import type { ViewReads } from '../policy/compile/compiled.ts';
import type { SampledSignal } from '../store/slot-plan.ts';
import { certainPolicies } from './certain-policies.ts';
import type { EarlyDecisions } from './early-decisions.ts';
import { EarlyLooks } from './early-looks.ts';
import { type EarlyDecision, EarlyWindows } from './early-windows.ts';
import type { LanePolicies } from './lane-policies.ts';
import type { EarlyOptions, ProcessorOptions } from './processor-options.ts';
import type { TraceMemory } from './trace-memory.ts';
import type { DeciderParts } from './window-decision.ts';
import type { WindowClock } from './window-clock.ts';

/** What may be decided before its window; null where nothing may. Throws INVALID_ARGUMENT where traces are linked: they are decided together. */
export function earlyOptions({ windows: { early, linked = null } }: ProcessorOptions, signal: SampledSignal): EarlyOptions | null {
  if (early === undefined) return null;
  if (linked !== null) throw new CodedError('INVALID_ARGUMENT', 'early_decisions', 'windows.traces: decision_wait_after_root, decide_at_once, session_gap, max_spans and max_bytes cannot go with linked; leave them out');
  return signal === 'traces' ? early : null;
}

/** What slots must project for roots to be seen. */
export function readsOfRoots(options: EarlyOptions | null): readonly ViewReads[] {
  return options === null || options.waitAfterRootMs === null ? [] : [{ view: 'traces', columns: ['has_root'], keys: [] }];
}

export interface EarlyLaneParts {
  readonly options: EarlyOptions;
  readonly decider: DeciderParts;
  readonly clock: WindowClock;
  readonly traces: TraceMemory;
  readonly policies: Pick<LanePolicies, 'lookBy'>;
  readonly monotonicMs: () => number;
  readonly decisions: EarlyDecisions;
  /** Takes what was kept to the exporters, then counts. */
  readonly dispatch: (decision: EarlyDecision) => Promise<void>;
  /** Told when the engine failed on a look. */
  readonly onFailed: (error: unknown) => void;
}

/** Decides traces before their windows, where that is asked for. */
export class EarlyLane {
  readonly #parts: EarlyLaneParts;
  readonly #looks: EarlyLooks;
  readonly #windows: EarlyWindows;
  #whole: number | null = null;

  constructor(parts: EarlyLaneParts) {
    const { options, decider, clock, traces, monotonicMs } = parts;
    this.#parts = parts;
    this.#looks = new EarlyLooks({ ring: decider.ring, clock, monotonicMs, waitAfterRootMs: options.waitAfterRootMs, oversize: traces.oversize ?? null, isAtOnce: options.isAtOnce === true, sessions: options.sessions ?? null });
    this.#windows = new EarlyWindows(decider, traces, parts.decisions);
  }

  /** Whether the window of a slot closes since all its traces are ready. */
  isWhole(slot: number): boolean {
    return this.#whole === slot;
  }

  /** Decides what may be decided at a time (ns); ends with a slot whose window may close now, or null. Never rejects. */
  async decide(unixNano: bigint): Promise<number | null> {
    const { decider: { ring, combining }, policies, monotonicMs, onFailed, dispatch } = this.#parts;
    for (let ask = this.#looks.next(unixNano); ask !== null; ask = this.#looks.next(unixNano)) {
      const startMs = monotonicMs();
      try {
        const by = ask.isAtOnce ? certainPolicies(policies.lookBy(), combining.combine) : policies.lookBy();
        if (ask.isAtOnce && by.length === 0) continue;
        const looked = await this.#windows.look(ask, by, ring.numbers[0] === ask.slot);
        if (looked.kind === 'whole') return this.#whole = ask.slot;
        if (looked.kind !== 'again' && looked.left !== null) this.#looks.left(ask.slot, looked.left);
        if (looked.kind === 'again') this.#looks.again(ask, true);
        if (looked.kind === 'decided') await dispatch(looked.decision);
      } catch (error) {
        this.#looks.again(ask, false);
        onFailed(error);
      } finally {
        this.#looks.took(ask, monotonicMs() - startMs);
      }
    }
    return null;
  }
}
