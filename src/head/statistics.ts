import type { HeadKeyCounts, HeadWindow } from '../pipeline/head-counts.ts';
import { KeyState } from './key-state.ts';
import type { RateRow } from './rate-row.ts';

/** Operations of one service that are told apart, and of all services; further ones take the place of those that were not seen for longest. */
const operationsMax = 256;
const operationsOfAllMax = 10_000;

/** What was counted of one service, since the start. */
export interface ServiceTotals {
  items: number;
  itemsKept: number;
  bytes: number;
  bytesKept: number;
}

/** One service with its operations, both in the order in which they were last seen. */
export class ServiceState {
  readonly whole = new KeyState();
  readonly operations = new Map<string, KeyState>();
  readonly totals: ServiceTotals = { items: 0, itemsKept: 0, bytes: 0, bytesKept: 0 };
}

/** What is known of services and operations. Their names come from whoever sends: they are bounded in number, and those that were not seen for longest go first. */
export class HeadStatistics {
  readonly #servicesMax: number;
  readonly #services = new Map<string, ServiceState>();
  #operationCount = 0;

  constructor(servicesMax: number) {
    this.#servicesMax = servicesMax;
  }

  get services(): ReadonlyMap<string, ServiceState> {
    return this.#services;
  }

  /** Takes a window; the largest come last, so that they stay where there is not room for all. */
  take({ keys, seconds, endNano }: HeadWindow): void {
    for (const counts of keys.filter(({ operation }) => operation === null).reverse()) {
      const state = this.#touch(counts.service);
      state.whole.take(counts, seconds, endNano);
      addTotals(state.totals, counts);
    }
    for (const counts of [...keys].reverse()) {
      const state = counts.operation === null ? undefined : this.#services.get(counts.service);
      if (state !== undefined && counts.operation !== null) this.operation(state, counts.operation).take(counts, seconds, endNano);
    }
    this.#forgetOperations();
  }

  /** A service, made where it is not known. */
  service(name: string): ServiceState {
    return this.#services.get(name) ?? this.#touch(name);
  }

  /** An operation of a service, which counts as seen now; made where it is not known. */
  operation(state: ServiceState, name: string): KeyState {
    const known = state.operations.get(name);
    const key = known ?? new KeyState();
    state.operations.delete(name);
    state.operations.set(name, key);
    if (known === undefined) this.#operationCount++;
    if (state.operations.size > operationsMax) this.#forgetFirst(state, 1);
    return key;
  }

  forgetBefore(sinceNano: bigint): void {
    for (const { whole, operations } of this.#services.values()) {
      whole.forgetBefore(sinceNano);
      for (const key of operations.values()) key.forgetBefore(sinceNano);
    }
  }

  rows(defaultRate: number): RateRow[] {
    return [...this.#services].flatMap(([service, { whole, operations }]) => [
      whole.row(service, null, defaultRate), ...[...operations].map(([operation, key]) => key.row(service, operation, whole.rate ?? defaultRate))]);
  }

  #touch(name: string): ServiceState {
    const state = this.#services.get(name) ?? new ServiceState();
    this.#services.delete(name);
    this.#services.set(name, state);
    if (this.#services.size > this.#servicesMax) {
      const [oldest] = this.#services.keys();
      this.#operationCount -= this.#services.get(oldest)?.operations.size ?? 0;
      this.#services.delete(oldest);
    }
    return state;
  }

  #forgetOperations(): void {
    for (const state of this.#services.values()) {
      if (this.#operationCount <= operationsOfAllMax) return;
      this.#forgetFirst(state, this.#operationCount - operationsOfAllMax);
    }
  }

  #forgetFirst(state: ServiceState, count: number): void {
    for (const name of [...state.operations.keys()].slice(0, count)) {
      state.operations.delete(name);
      this.#operationCount--;
    }
  }
}

function addTotals(totals: ServiceTotals, counts: Pick<HeadKeyCounts, keyof ServiceTotals>): void {
  totals.items += counts.items;
  totals.itemsKept += counts.itemsKept;
  totals.bytes += counts.bytes;
  totals.bytesKept += counts.bytesKept;
}
