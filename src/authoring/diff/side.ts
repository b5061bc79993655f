import type { OtapBatch } from '../../otap/batch.ts';
import type { WithoutThreshold } from '../../store/retained-batch.ts';
import { itemKey, type Items, readItems } from '../kept-items.ts';
import type { RunListener } from '../pipeline-run.ts';
import { type Estimate, UnitTotal } from './estimate.ts';

/** Items of one kind: those of a service, or all. */
export interface Count {
  readonly items: number;
  readonly estimate: Estimate;
}

/** What came in. */
export class Incoming {
  readonly traces = new Set<string>();
  readonly services = new Map<string, { items: number; truth: number }>();
  /** Adjusted counts of items that came sampled, by `itemKey`; of all others it is 1. */
  readonly countIn = new Map<string, number>();
  /** Items that nobody knows the probability of: they are in no estimate, and in no truth (rules 2 and 4). */
  readonly unknown = new Set<string>();
  items = 0;
  truth = 0;
  bytes = 0;

  add(items: Items, bytes: number): void {
    this.bytes += bytes;
    this.items += items.count;
    for (let row = 0; row < items.count; row++) {
      const count = items.counts[row];
      if (count !== 1) this.countIn.set(itemKey(items, row), count);
      if (items.traceIds[row] !== '') this.traces.add(items.traceIds[row]);
      const service = this.services.get(items.services[row]) ?? { items: 0, truth: 0 };
      this.services.set(items.services[row], service);
      service.items++;
      if (items.isUnknown[row] === 1) this.unknown.add(itemKey(items, row));
      else {
        this.truth += count;
        service.truth += count;
      }
    }
  }
}

/** What one set of policies keeps. */
export class Side implements RunListener {
  readonly #incoming: Incoming;
  readonly #withoutThreshold: WithoutThreshold;
  readonly #total = new UnitTotal();
  readonly #services = new Map<string, { items: number; readonly total: UnitTotal }>();
  /** Kept traces, or records, with how many items are kept of each. */
  readonly units = new Map<string, number>();
  readonly traces = new Set<string>();
  items = 0;
  bytes = 0;

  constructor(incoming: Incoming, withoutThreshold: WithoutThreshold) {
    this.#incoming = incoming;
    this.#withoutThreshold = withoutThreshold;
  }

  kept(batch: OtapBatch, bytes: number): void {
    this.bytes += bytes;
    const items = readItems(batch, this.#withoutThreshold);
    this.items += items.count;
    for (let row = 0; row < items.count; row++) this.#add(items, row);
  }

  total(): Count {
    return { items: this.items, estimate: this.#total.estimate() };
  }

  service(name: string): Count {
    const known = this.#services.get(name);
    return known === undefined ? { items: 0, estimate: { value: 0, halfWidth: 0 } } : { items: known.items, estimate: known.total.estimate() };
  }

  #add(items: Items, row: number): void {
    const key = itemKey(items, row);
    const traceId = items.traceIds[row];
    const countIn = this.#incoming.countIn.get(key) ?? 1;
    const isByTrace = traceId !== '' && (items.signal === 'traces' || items.thresholds[row] !== null);
    const unit = isByTrace ? traceId : key;
    if (traceId !== '') this.traces.add(traceId);
    const compared = items.signal === 'traces' ? traceId : key;
    this.units.set(compared, (this.units.get(compared) ?? 0) + 1);
    const isUnknown = this.#incoming.unknown.has(key);
    if (!isUnknown) this.#total.add(unit, items.counts[row], countIn);
    const service = this.#services.get(items.services[row]) ?? { items: 0, total: new UnitTotal() };
    this.#services.set(items.services[row], service);
    service.items++;
    if (!isUnknown) service.total.add(unit, items.counts[row], countIn);
  }
}
