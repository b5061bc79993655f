import type { KeyState, SavedKey } from './key-state.ts';
import type { HeadStatistics, ServiceState } from './statistics.ts';

/** A key with what is saved of it: name, rate, reason, when it changed (ns as text), logarithms of arrivals and budget. */
export type WrittenKey = readonly [name: string, rate: number, reason: string, changedNano: string, logArrivals: number | null, logBudget: number | null];

/** What outlives the process, as it is written. */
export interface HeadState {
  readonly version: 1;
  readonly services: readonly { readonly whole: WrittenKey; readonly operations: readonly WrittenKey[] }[];
}

export function writeState(services: ReadonlyMap<string, ServiceState>): HeadState {
  return {
    version: 1,
    services: [...services].flatMap(([service, { whole, operations }]) => written(service, whole).map((own) => ({ whole: own, operations: [...operations].flatMap(([name, key]) => written(name, key)) }))),
  };
}

/** Makes the services of a state known, in its order. */
export function readState({ services }: HeadState, statistics: HeadStatistics): void {
  for (const { whole, operations } of services) {
    const state = statistics.service(whole[0]);
    state.whole.restore(savedOf(whole));
    for (const operation of operations) statistics.operation(state, operation[0]).restore(savedOf(operation));
  }
}

/** A state out of text. Throws where it is none. */
export function parseState(text: string): HeadState {
  const state: unknown = JSON.parse(text);
  if (!isState(state)) throw new Error('it is not a state of head sampling of version 1');
  return state;
}

function written(name: string, key: KeyState): WrittenKey[] {
  const saved = key.saved();
  return saved === null ? [] : [[name, saved.rate, saved.reason, String(saved.changedNano), saved.logArrivals, saved.logBudget]];
}

function savedOf([, rate, reason, changedNano, logArrivals, logBudget]: WrittenKey): SavedKey {
  return { rate, reason, changedNano: BigInt(changedNano), logArrivals, logBudget };
}

function isState(value: unknown): value is HeadState {
  return typeof value === 'object' && value !== null && 'version' in value && value.version === 1 && 'services' in value && Array.isArray(value.services) && value.services.every(isService);
}

function isService(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'whole' in value && isKey(value.whole) && 'operations' in value && Array.isArray(value.operations) && value.operations.every(isKey);
}

function isKey(value: unknown): boolean {
  if (!Array.isArray(value) || value.length !== 6) return false;
  const [name, rate, reason, changedNano, ...logs]: unknown[] = value;
  const isLog = (log: unknown): boolean => log === null || (typeof log === 'number' && Number.isFinite(log));
  return typeof name === 'string' && typeof rate === 'number' && rate >= 0 && rate <= 1 && typeof reason === 'string' && typeof changedNano === 'string' && /^\d{1,20}$/.test(changedNano) && logs.every(isLog);
}
