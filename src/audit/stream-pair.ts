import type { OtapBatch } from '../otap/batch.ts';
import type { KeyedHash } from '../sampling/keyed-hash.ts';
import { Claim } from './claim.ts';
import { type ItemColumns, readItemColumns } from './item-columns.ts';
import { type Measured, unitVariance } from './interval.ts';
import { SeenSet } from './seen-set.ts';
import { otherServices } from './stream-audit.ts';

/** One service before and after sampling. */
export interface PairedService extends Measured {
  readonly name: string;
  readonly itemsBefore: number;
  readonly itemsAfter: number;
  /** Units of which something was kept: traces, or log records of one randomness. */
  readonly unitsKept: number;
  /** Units of which nothing was there before: the sampler cannot have got them from there. */
  readonly unknownUnits: number;
  /** Items that say neither threshold nor count. They count as one. */
  readonly uncounted: number;
}

interface Sums {
  itemsBefore: number;
  itemsAfter: number;
  truth: number;
  estimate: number;
  uncounted: number;
}

interface Unit {
  readonly service: number;
  /** Sum of counts after. */
  after: number;
  /** Sum of counts before, of items that could be matched. */
  before: number;
  /** Items whose unit nothing before tells (no trace id): they are taken to have been unsampled. */
  items: number;
}

const servicesMax = 1000;
/** Kept units that are followed; of more, a part by hash, whose variance stands for all. */
const unitsMax = 2 ** 20;
const wholeStream = '(all)';

/**
 * Holds what left a sampler against what came to it: add the batches that left first, then those that came. Truth and estimate
 * are sums over all items; the variance is that of the units which left, from what each stood for before.
 */
export class StreamPair {
  readonly #hash: KeyedHash;
  readonly #claim = new Claim();
  readonly #sums = new Map<string, Sums>();
  readonly #numbers = new Map<string, number>();
  readonly #kept: SeenSet;
  readonly #units: Unit[] = [];

  constructor(hash: KeyedHash, remembered: number = unitsMax) {
    this.#hash = hash;
    this.#kept = new SeenSet(remembered);
    this.#sumsOf(wholeStream);
  }

  addAfter(batch: OtapBatch): void {
    this.#each(batch, (columns, row, service) => {
      const count = this.#countOf();
      for (const name of [wholeStream, service]) {
        const sums = this.#sumsOf(name);
        sums.itemsAfter++;
        sums.estimate += count;
        if (this.#claim.th === null && Number.isNaN(this.#claim.count)) sums.uncounted++;
        this.#addKept(columns, row, name, count);
      }
    });
  }

  addBefore(batch: OtapBatch): void {
    this.#each(batch, (columns, row, service) => {
      const count = this.#countOf();
      for (const name of [wholeStream, service]) {
        const sums = this.#sumsOf(name);
        sums.itemsBefore++;
        sums.truth += count;
        if (!this.#claim.hasTraceId || !this.#hashUnit(columns, row, name)) continue;
        if (this.#kept.has(this.#hash.low, this.#hash.high32)) this.#units[this.#kept.value].before += count;
      }
    });
  }

  /** The whole stream as `(all)` first, then services by how much they stand for. */
  get services(): PairedService[] {
    const variances = new Map<number, { variance: number; units: number; unknown: number }>();
    for (const unit of this.#kept.values()) {
      const { service, after, before, items } = this.#units[unit];
      const sums = variances.get(service) ?? { variance: 0, units: 0, unknown: 0 };
      sums.units++;
      if (before === 0 && items === 0) sums.unknown++;
      sums.variance += unitVariance(before + items, after);
      variances.set(service, sums);
    }
    const all = [...this.#sums].map(([name, sums]): PairedService => {
      const { variance, units, unknown } = variances.get(this.#numbers.get(name) ?? -1) ?? { variance: 0, units: 0, unknown: 0 };
      return { name, ...sums, variance: Math.max(0, variance) / this.#kept.share, unitsKept: units, unknownUnits: unknown };
    });
    return all.sort((a, b) => Number(b.name === wholeStream) - Number(a.name === wholeStream) || b.truth - a.truth || (a.name < b.name ? -1 : 1));
  }

  #addKept(columns: ItemColumns, row: number, name: string, count: number): void {
    if (!this.#hashUnit(columns, row, name)) return;
    const seen = this.#kept.add(this.#hash.low, this.#hash.high32, this.#units.length);
    if (seen === 'new') this.#units.push({ service: this.#numbers.get(name) ?? -1, after: 0, before: 0, items: 0 });
    if (seen === 'skipped') return;
    const unit = this.#units[this.#kept.value];
    unit.after += count;
    if (!this.#claim.hasTraceId) unit.items++;
  }

  #each(batch: OtapBatch, visit: (columns: ItemColumns, row: number, service: string) => void): void {
    const columns = readItemColumns(batch, 0);
    for (let row = 0; row < columns.said.rowCount; row++) {
      this.#claim.read(columns.said, row);
      const name = columns.services[row];
      visit(columns, row, this.#sums.has(name) || this.#sums.size <= servicesMax ? name : otherServices);
    }
  }

  /** 1 / p of a threshold that holds, else the count, else 1. */
  #countOf(): number {
    const { th, isContradiction, probability, count } = this.#claim;
    if (th !== null) return isContradiction ? 1 : 1 / probability;
    return count >= 1 && Number.isFinite(count) ? count : 1;
  }

  /** Items of one unit have one hash: spans of a trace, log records of one trace or of one explicit randomness. False where there is none. */
  #hashUnit({ said }: ItemColumns, row: number, name: string): boolean {
    const number = this.#numbers.get(name) ?? 0;
    if (said.traceIds !== null && this.#claim.hasTraceId) this.#hash.hashTraceIdAnd(said.traceIds, row * 16, number);
    else if (this.#claim.rSource === 'explicit') this.#hash.hashSplit(this.#claim.rLow, this.#claim.rHigh, number, 0);
    else return false;
    return true;
  }

  #sumsOf(name: string): Sums {
    const known = this.#sums.get(name);
    if (known !== undefined) return known;
    const sums: Sums = { itemsBefore: 0, itemsAfter: 0, truth: 0, estimate: 0, uncounted: 0 };
    this.#sums.set(name, sums);
    this.#numbers.set(name, this.#numbers.size);
    return sums;
  }
}
