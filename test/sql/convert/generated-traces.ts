import type { OtapBatch } from '../../../src/otap/batch.ts';
import { type Row, rowBatch } from '../../../src/authoring/given/row-batch.ts';
import type { PayloadName } from '../../../src/otap/payload-type.ts';
import { mulberry } from '../../support/mulberry.ts';

/** Windows of the runs: all generated traces lie in one. */
export const windowMs = 60_000;
const startNano = 1_700_000_040_000_000_000n;
const owner = 'traces generated for tail_sampling';

type AttributeValue = string | bigint | boolean;

/**
 * Batches of traces in which each policy type of the Collector takes some and leaves some: values at thresholds and beside them, to the
 * nanosecond, keys on spans, on resources, on both and on none. The root spans all of its trace, and comes first. All lie in one window, the
 * first or a later one.
 */
export function generatedTraces(count: number, seed: number, window = 0): readonly OtapBatch[] {
  const next = mulberry(seed);
  const batches: OtapBatch[] = [];
  for (let from = 0; from < count; from += 1000) batches.push(new Generator(next, window * 1_000_000 + from, window).batch(Math.min(1000, count - from)));
  return batches;
}

class Generator {
  readonly #next: () => number;
  readonly #from: number;
  readonly #tables: { [name in PayloadName]?: Row[] } = {};
  readonly #startNano: bigint;
  #resources = 0;

  constructor(next: () => number, from: number, window: number) {
    this.#next = next;
    this.#from = from;
    this.#startNano = startNano + BigInt(window) * BigInt(windowMs) * 1_000_000n;
  }

  batch(count: number): OtapBatch {
    for (let index = 0; index < count; index++) this.#addTrace(this.#from + index);
    return rowBatch('traces', this.#tables);
  }

  #addTrace(number: number): void {
    const bytes = Uint8Array.from({ length: 16 }, () => this.#below(256));
    new DataView(bytes.buffer).setUint32(0, number + 1);
    const spans = this.#oneOf([1, 1, 2, 3, 4, 5, 8, 12]);
    const durationNano = this.#oneOf([0n, 999_999n, 99_999_999n, 100_000_000n, 100_999_999n, 101_000_000n, 500_000_000n, 500_999_999n, 501_000_000n, 1_000_999_999n, 1_001_000_000n, 3_000_000_000n]);
    const rootNano = this.#startNano + BigInt(this.#below(1_000_000_000));
    let resource = this.#addResource();
    for (let span = 0; span < spans; span++) {
      if (this.#next() < 0.3) resource = this.#addResource();
      const isRoot = span === 0;
      const offset = isRoot ? 0n : BigInt(Math.floor(this.#next() * Number(durationNano)));
      this.#addSpan({ traceId: bytes, number: number * 16 + span, isRoot, rootNumber: number * 16, resource, atNano: rootNano + offset, durationNano: isRoot ? durationNano : (durationNano - offset) / 2n });
    }
  }

  #addSpan(span: { readonly traceId: Uint8Array; readonly number: number; readonly isRoot: boolean; readonly rootNumber: number; readonly resource: number; readonly atNano: bigint; readonly durationNano: bigint }): void {
    const id = this.#count('SPANS');
    const status = this.#oneOf([null, null, null, 1, 2]);
    this.#add('SPANS', {
      id, 'resource.id': span.resource, 'scope.id': 0, 'scope.name': this.#oneOf(['lib-a', 'lib-b']),
      trace_id: span.traceId, span_id: spanId(span.number), parent_span_id: span.isRoot && this.#next() < 0.95 ? null : spanId(span.rootNumber + 999_999),
      start_time_unix_nano: span.atNano, duration_time_unix_nano: span.durationNano,
      name: this.#oneOf(['GET /cart', 'GET /health', 'SELECT', '']), kind: this.#oneOf([1, 2, 3]),
      'status.code': status, 'status.status_message': status === 2 ? this.#oneOf(['timeout', 'deadlock']) : null,
      trace_state: this.#oneOf([null, null, 'vendor=a', 'other=a,vendor=b', 'vendor=ab', 'x=1 , vendor=c', 'avendor=a', 'vendor=a.b,o=2']),
      flags: this.#oneOf([null, 0, 1, 256, 257, 768]),
    });
    this.#attributes('SPAN_ATTRS', id, { 'app.tier': ['gold', 'silver', 'goldfish', ''], 'app.retries': [0n, 1n, 5n, 6n, -3n], 'app.sampled': [true, false], 'http.url': ['/health', '/api/v1', 'http://a/health?x=1', 'a\nb', 'axb'], 'http.response.status_code': [200n, 404n, 500n, 599n] });
    if (this.#next() < 0.2) {
      const event = this.#count('SPAN_EVENTS');
      this.#add('SPAN_EVENTS', { id: event, parent_id: id, name: this.#oneOf(['exception', 'retry']), time_unix_nano: span.atNano });
      this.#attributes('SPAN_EVENT_ATTRS', event, { 'exception.type': ['IOError', 'KeyError'] });
    }
  }

  #addResource(): number {
    const id = this.#resources++;
    this.#attributes('RESOURCE_ATTRS', id, { 'service.name': ['web', 'cart', 'pay'], 'app.tier': ['gold', 'bronze', ''], 'app.retries': [2n, 7n], 'app.sampled': [true, false] }, 0.15);
    return id;
  }

  #attributes(table: 'SPAN_ATTRS' | 'SPAN_EVENT_ATTRS' | 'RESOURCE_ATTRS', parent: number, values: Readonly<Record<string, readonly AttributeValue[]>>, share = 0.35): void {
    for (const [key, choices] of Object.entries(values)) {
      if (this.#next() > (key === 'service.name' ? 0.9 : share)) continue;
      const value = this.#oneOf(choices);
      const cells: Row = typeof value === 'string' ? { type: 1, str: value } : typeof value === 'bigint' ? { type: 2, int: value } : { type: 4, bool: value };
      this.#add(table, { parent_id: parent, key, ...cells });
    }
  }

  #add(name: PayloadName, row: Row): void {
    const rows = this.#tables[name] ?? [];
    rows.push(row);
    this.#tables[name] = rows;
  }

  #count(name: PayloadName): number {
    return this.#tables[name]?.length ?? 0;
  }

  #below(end: number): number {
    return Math.floor(this.#next() * end);
  }

  #oneOf<T>(values: readonly T[]): T {
    const value = values[this.#below(values.length)];
    if (value === undefined) throw new Error(`nothing to choose from in ${owner}`);
    return value;
  }
}

function spanId(number: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(number + 1));
  return bytes;
}
