import type { Seam } from '../base/seam.ts';
import type { SampledSignal } from '../store/slot-plan.ts';
import type { WindowClock } from './window-clock.ts';
import type { WindowLoop } from './window-loop.ts';
import type { SlotRing } from './slot-ring.ts';

/** Closing goes on until the budget is filled to this part of the soft limit. */
const calmPart = 0.9;
/** After this long below the soft limit an episode is over, ms. */
const episodeEndMs = 10_000;

/** What closes windows of one signal. */
export interface ClosingLane {
  readonly ring: SlotRing;
  readonly clock: WindowClock;
  readonly loop: Pick<WindowLoop, 'closeEarliest'>;
}

/** Told of what memory makes necessary. */
export interface EarlyClosingObserver {
  /** A window was closed before it was due. */
  closedEarly(signal: SampledSignal): void;
  /** Memory reached the soft limit. */
  pressed(fullness: number): void;
  /** It has been below for a while; so many windows were closed early. */
  relieved(windows: number): void;
}

export interface EarlyClosingParts {
  readonly lanes: { readonly [signal in SampledSignal]: ClosingLane };
  /** How full memory is, from 0; 1 where nothing more may come. */
  readonly fullness: () => number;
  /** How full it would be if no window held anything: where that is too much already, closing them would help nobody. */
  readonly fullnessBeside: () => number;
  /** The fullness at which windows are closed early. */
  readonly softLimit: number;
  /** Whether windows of logs need those of traces decided first. */
  readonly logsFollowTraces: () => boolean;
  readonly seam: Pick<Seam, 'nowUnixNano' | 'monotonicMs'>;
  readonly observer: EarlyClosingObserver;
}

/**
 * Closes windows before they are due while memory is short: the earliest first, one at a time, by the same policies. When is decided from what
 * arrived alone (sampling.md, rule 18), and what leaves says that it was (`sampling.partial`: `memory`).
 */
export class EarlyClosing {
  readonly #parts: EarlyClosingParts;
  #running: Promise<void> | null = null;
  #episode: { windows: number; lastMs: number } | null = null;

  constructor(parts: EarlyClosingParts) {
    this.#parts = parts;
  }

  /** Whether windows are being closed early now. */
  get isActive(): boolean {
    return this.#running !== null;
  }

  /** Closes windows where memory is filled to the soft limit; resolves when there is room again, or nothing is left to be closed. */
  check(): Promise<void> {
    const { fullness, softLimit, seam, observer } = this.#parts;
    if (this.#running !== null) return this.#running;
    const full = fullness();
    if (full < softLimit) {
      this.#endEpisode(seam.monotonicMs());
      return Promise.resolve();
    }
    if (this.#episode === null) observer.pressed(full);
    this.#episode = { windows: this.#episode?.windows ?? 0, lastMs: seam.monotonicMs() };
    this.#running = this.#close().finally(() => { this.#running = null; });
    return this.#running;
  }

  #endEpisode(nowMs: number): void {
    if (this.#episode === null || nowMs - this.#episode.lastMs < episodeEndMs) return;
    this.#parts.observer.relieved(this.#episode.windows);
    this.#episode = null;
  }

  async #close(): Promise<void> {
    const { lanes, fullness, fullnessBeside, softLimit, seam, observer } = this.#parts;
    const calm = softLimit * calmPart;
    const closes = async (signal: SampledSignal): Promise<boolean> => {
      const outcome = await lanes[signal].loop.closeEarliest(seam.nowUnixNano);
      if (outcome !== 'early') return outcome === 'due';
      observer.closedEarly(signal);
      if (this.#episode !== null) this.#episode.windows++;
      return true;
    };
    for (let signal = this.#earliest(); signal !== null && fullness() >= calm && fullnessBeside() < calm; signal = this.#earliest()) {
      if (!(await closes(signal))) return;
    }
  }

  /** The signal whose earliest window would close first. */
  #earliest(): SampledSignal | null {
    const { lanes, logsFollowTraces } = this.#parts;
    const due = ({ ring, clock }: ClosingLane): bigint | null => (ring.numbers.length === 0 ? null : clock.dueAt(ring.numbers[0]));
    const [traces, logs] = [due(lanes.traces), due(lanes.logs)];
    if (traces === null) return logs === null ? null : 'logs';
    return logs === null || traces <= logs || logsFollowTraces() ? 'traces' : 'logs';
  }
}
