import { mulberry } from '../../support/mulberry.ts';
import { randomTrace, shareOf } from '../../support/given-messages.ts';
import type { SampledSignal } from '../../../src/store/slot-plan.ts';
import type { ItemClass, SimItem } from './items.ts';
import type { Scenario } from './scenario.ts';

/** What a sender sends together, and what upstream left out of it: of that the truth still consists. */
export interface SimBatch {
  readonly number: number;
  readonly signal: SampledSignal;
  readonly protocol: 'otap' | 'otlp';
  /** When it is first sent. */
  readonly atMs: number;
  readonly items: readonly SimItem[];
  readonly leftOut: readonly SimItem[];
}

const stepMs = 2000;
const tracesOfStep = 5;

/** Chance of upstream's sampling by threshold, in hex digits. */
const thresholds: { readonly [threshold: string]: number } = { '8': 0.5, 'c': 0.25 };

/** Traces of one to six spans, some of them late, some mixed in their sampling; records of them and of no trace. */
export function worldOf({ seed, activeMs }: Scenario): SimBatch[] {
  const chance = mulberry(seed);
  const made: { readonly atMs: number; readonly item: SimItem }[] = [];
  let number = 1;
  const make = (item: Omit<SimItem, 'number'>, atMs: number): void => void made.push({ atMs, item: { ...item, number: number++ } });
  for (let fromMs = 0; fromMs < activeMs; fromMs += stepMs) {
    for (let i = 0; i < tracesOfStep; i++) {
      const trace = randomTrace(chance);
      const kind: ItemClass = (['must', 'often', 'plain', 'plain'] as const)[Math.floor(chance() * 4)];
      const [sampled, mixed] = [chance() < 0.4 ? '8' : null, chance() < 0.2];
      const spans = 1 + Math.floor(chance() * 6);
      const beganMs = fromMs + chance() * stepMs - (chance() < 0.05 ? 40_000 : 0);
      for (let part = 0; part < spans; part++) {
        const delayMs = chance() < 0.6 ? chance() * 1000 : chance() < 0.8 ? chance() * 10_000 : chance() * 30_000;
        const threshold = mixed && part > 0 ? (chance() < 0.5 ? 'c' : '8') : sampled;
        make({ signal: 'traces', trace, class: kind, isRoot: part === 0, startMs: beganMs, threshold }, fromMs + delayMs);
      }
      make({ signal: 'logs', trace, class: kind, isRoot: false, startMs: beganMs, threshold: sampled }, fromMs + chance() * 3000);
      if (i === 0) make({ signal: 'logs', trace: null, class: kind, isRoot: false, startMs: beganMs, threshold: null }, fromMs + chance() * 1000);
    }
  }
  return batchesOf(made, chance);
}

/** What comes within a step, in two batches a signal and protocol. */
function batchesOf(made: readonly { readonly atMs: number; readonly item: SimItem }[], chance: () => number): SimBatch[] {
  const groups = Map.groupBy(made, ({ atMs, item }) => `${Math.floor(atMs / stepMs)} ${item.signal} ${chance() < 0.5 ? 'otap' : 'otlp'}`);
  return [...groups].map(([name, group], index): SimBatch => {
    const [, signal, protocol] = name.split(' ');
    const items = group.map(({ item }) => item);
    return {
      number: index, signal: signal === 'traces' ? 'traces' : 'logs', protocol: protocol === 'otap' ? 'otap' : 'otlp', atMs: Math.max(...group.map(({ atMs }) => atMs)),
      items: items.filter(isSent), leftOut: items.filter((item) => !isSent(item)),
    };
  });
}

function isSent({ trace, threshold }: SimItem): boolean {
  return trace === null || threshold === null || shareOf(trace) <= thresholds[threshold];
}
