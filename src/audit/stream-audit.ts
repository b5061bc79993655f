import type { OtapBatch } from '../otap/batch.ts';
import type { KeyedHash } from '../sampling/keyed-hash.ts';
import { doubleOf56, hexOf56 } from '../sampling/word56.ts';
import { Claim } from './claim.ts';
import { type ItemColumns, readItemColumns } from './item-columns.ts';
import { SeenSet } from './seen-set.ts';
import { ServiceState } from './service-state.ts';

/** Services that are looked at apart; the rest is one. */
const servicesMax = 1000;
export const otherServices = '(others)';
/** Units, and spans, that are remembered at once; of more, a part is followed (SeenSet). */
const keysMax = 2 ** 20;
/** Stands for "of any service" in the hash of a trace. */
const anyService = -1;

/** Adds up what a stream of traces or logs says of its own sampling, service by service, in bounded memory. */
export class StreamAudit {
  readonly #hash: KeyedHash;
  readonly #units: SeenSet;
  readonly #spans: SeenSet;
  readonly #services = new Map<string, ServiceState>();
  readonly #numbers = new Map<string, number>();
  readonly #claim = new Claim();
  readonly #spanKey = new Uint8Array(24);
  #items = 0;
  #batches = 0;

  constructor(hash: KeyedHash, remembered: number = keysMax) {
    this.#hash = hash;
    this.#units = new SeenSet(remembered);
    this.#spans = new SeenSet(remembered);
  }

  get items(): number {
    return this.#items;
  }

  /** By name; at most 1,000 and `(others)`. */
  get services(): ReadonlyMap<string, ServiceState> {
    return this.#services;
  }

  /** Share of spans that duplicates are looked for among. */
  get duplicatesShare(): number {
    return this.#spans.share;
  }

  /** Takes a batch of traces or logs. Errors: those of decoding. */
  add(batch: OtapBatch): void {
    const columns = readItemColumns(batch, this.#batches++);
    for (let row = 0; row < columns.said.rowCount; row++) this.#addRow(columns, row);
    this.#items += columns.said.rowCount;
  }

  #addRow(columns: ItemColumns, row: number): void {
    const { said, services, spanIds, flags } = columns;
    const service = this.#serviceOf(services[row]);
    const claim = this.#claim;
    claim.read(said, row);
    const example = (): string => exampleOf(columns, row, claim);
    service.checkItem(claim, example);
    if (said.signal === 'spans') this.#checkSpan(service, claim, columns, row, spanIds);
    if (claim.rSource === 'none' && !claim.hasTraceId) return;
    if (this.#isNewUnit(columns, row, service)) service.addUnit(claim, said.traceIds, row * 16, flags[row]);
  }

  #checkSpan(service: ServiceState, claim: Claim, columns: ItemColumns, row: number, spanIds: Uint8Array | null): void {
    const { traceIds } = columns.said;
    if (!claim.hasTraceId || traceIds === null) {
      service.note('trace_id_zero', () => exampleOf(columns, row, claim));
      return;
    }
    this.#checkMixed(service, claim, traceIds, columns, row);
    if (spanIds === null) return;
    this.#spanKey.set(traceIds.subarray(row * 16, row * 16 + 16));
    this.#spanKey.set(spanIds.subarray(row * 8, row * 8 + 8), 16);
    this.#hash.hash(this.#spanKey, 0, 24);
    if (this.#spans.add(this.#hash.low, this.#hash.high32, 0) === 'known') service.note('duplicate', () => exampleOf(columns, row, claim));
  }

  /** A trace whose spans bring different thresholds; noted once, by the span that differs. */
  #checkMixed(service: ServiceState, claim: Claim, traceIds: Uint8Array, columns: ItemColumns, row: number): void {
    const threshold = claim.th === null ? -1 : doubleOf56(claim.tLow, claim.tHigh);
    this.#hash.hashTraceIdAnd(traceIds, row * 16, anyService);
    if (this.#units.add(this.#hash.low, this.#hash.high32, threshold) !== 'known') return;
    const first = this.#units.value;
    if (first === threshold || first === mixed) return;
    this.#units.value = mixed;
    service.note('mixed_thresholds', () => exampleOf(columns, row, claim));
  }

  /** Spans of one trace and service are one unit, and so are log records of one randomness. */
  #isNewUnit({ said }: ItemColumns, row: number, service: ServiceState): boolean {
    const number = this.#numbers.get(service.name) ?? 0;
    if (said.signal === 'spans' && said.traceIds !== null) this.#hash.hashTraceIdAnd(said.traceIds, row * 16, number);
    else this.#hash.hashSplit(this.#claim.rLow, this.#claim.rHigh, number, 0);
    return this.#units.add(this.#hash.low, this.#hash.high32, 0) === 'new';
  }

  #serviceOf(name: string): ServiceState {
    const known = this.#services.get(name);
    if (known !== undefined) return known;
    const key = this.#services.size < servicesMax ? name : otherServices;
    const state = this.#services.get(key) ?? new ServiceState(key);
    this.#services.set(key, state);
    this.#numbers.set(key, this.#services.size);
    return state;
  }
}

const mixed = -2;

/** How an item is named to people: its trace and span, else its randomness. */
function exampleOf({ said, spanIds }: ItemColumns, row: number, claim: Claim): string {
  const hex = (bytes: Uint8Array, at: number, length: number): string => Buffer.from(bytes.buffer, bytes.byteOffset + at, length).toString('hex');
  const trace = said.traceIds === null || !claim.hasTraceId ? null : `trace ${hex(said.traceIds, row * 16, 16)}`;
  const span = spanIds === null ? null : `span ${hex(spanIds, row * 8, 8)}`;
  const explicit = claim.rSource === 'explicit' ? `randomness ${hexOf56(claim.rLow, claim.rHigh)}` : null;
  return [trace, span, explicit].filter((part) => part !== null).join(', ') || `row ${row}`;
}
