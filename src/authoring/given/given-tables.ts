import { type AttributeValue, type GivenAttributes, type GivenLog, type GivenSpan, kindNumber, statusNumber } from '../test-file/given.ts';
import { type Drawn, drawValue } from '../test-file/drawn.ts';
import type { SampledSignal } from '../../store/slot-plan.ts';
import type { PayloadName } from '../../otap/payload-type.ts';
import { type Cell, type Row, rowBatch } from './row-batch.ts';
import type { OtapBatch } from '../../otap/batch.ts';

/** One repetition of something given: its number, and the chance that its values are drawn by. */
export interface Repetition {
  readonly index: number;
  readonly next: () => number;
}

/** Text with the number of the repetition in place of `{i}`. */
export function filledIn(text: string, index: number): string {
  return text.replaceAll('{i}', String(index));
}

export function drawText(way: Drawn<string>, { index, next }: Repetition): string {
  return filledIn(String(drawValue(way, next)), index);
}

type Entries = readonly (readonly [string, AttributeValue])[];

export function drawAttributes(attributes: GivenAttributes, { index, next }: Repetition): Entries {
  return Object.entries(attributes).map(([key, way]) => {
    const value = drawValue(way, next);
    if (typeof value === 'string') return [key, filledIn(value, index)];
    const isWhole = way.kind === 'range' && Number.isInteger(way.from) && Number.isInteger(way.to);
    return [key, isWhole && typeof value === 'number' ? Math.round(value) : value];
  });
}

function valueCells(value: AttributeValue): Row {
  if (typeof value === 'string') return { type: 1, str: value };
  if (typeof value === 'boolean') return { type: 4, bool: value };
  if (typeof value === 'object') return { type: 3, double: value.double };
  return Number.isSafeInteger(value) ? { type: 2, int: BigInt(value) } : { type: 3, double: value };
}

/** Where and when a row goes. */
export interface Placed {
  readonly traceId: Uint8Array | null;
  readonly startNano: bigint;
}

/** Grows the tables of one batch. */
export class GivenTables {
  readonly #signal: SampledSignal;
  readonly #tables: { [name in PayloadName]?: Row[] } = {};
  readonly #resources = new Map<string, number>();
  readonly #scopes = new Map<string, number>();

  constructor(signal: SampledSignal) {
    this.#signal = signal;
  }

  batch(): OtapBatch {
    return rowBatch(this.#signal, this.#tables);
  }

  /** A span with its events and links. `linked` gives the id that a link's name stands for. */
  addSpan(span: GivenSpan, at: Placed & { readonly spanId: Uint8Array; readonly parentId: Uint8Array | null; readonly tracestate: string | null },
    linked: (name: string) => Uint8Array, repetition: Repetition): void {
    const id = this.#count('SPANS');
    const durationMs = Number(drawValue(span.durationMs, repetition.next));
    const { index, next } = repetition;
    this.#add('SPANS', {
      id, ...this.#owners(span, repetition),
      trace_id: at.traceId, span_id: at.spanId, parent_span_id: at.parentId,
      start_time_unix_nano: at.startNano, duration_time_unix_nano: BigInt(Math.max(0, Math.round(durationMs * 1e6))),
      trace_state: span.tracestate ?? at.tracestate, name: drawText(span.name, repetition), kind: kindNumber(span.kind),
      'status.code': statusNumber(oneStatus(drawValue(span.status, next))), 'status.status_message': span.statusMessage,
    });
    this.#attributes('SPAN_ATTRS', id, this.#withCount(span, repetition));
    for (const event of span.events) {
      const eventId = this.#count('SPAN_EVENTS');
      this.#add('SPAN_EVENTS', { id: eventId, parent_id: id, name: filledIn(event.name, index), time_unix_nano: at.startNano + BigInt(Math.round(event.atMs * 1e6)) });
      this.#attributes('SPAN_EVENT_ATTRS', eventId, drawAttributes(event.attributes, repetition));
    }
    for (const link of span.links) {
      const linkId = this.#count('SPAN_LINKS');
      const traceId = link.traceId !== null ? Uint8Array.from(Buffer.from(link.traceId, 'hex')) : link.trace !== null ? linked(link.trace) : new Uint8Array(16);
      this.#add('SPAN_LINKS', { id: linkId, parent_id: id, trace_id: traceId, span_id: Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 1) });
      this.#attributes('SPAN_LINK_ATTRS', linkId, drawAttributes(link.attributes, repetition));
    }
  }

  /** A log record. `mark`: its number, which its observed time tells (that many nanoseconds after its time). */
  addLog(log: GivenLog, at: Placed & { readonly mark: number }, repetition: Repetition): void {
    const id = this.#count('LOGS');
    this.#add('LOGS', {
      id, ...this.#owners(log, repetition),
      time_unix_nano: at.startNano, observed_time_unix_nano: at.startNano + BigInt(at.mark), trace_id: at.traceId,
      severity_number: Math.round(Number(drawValue(log.severity, repetition.next))), 'body.type': 1, 'body.str': drawText(log.body, repetition),
      event_name: log.eventName,
    });
    this.#attributes('LOG_ATTRS', id, this.#withCount(log, repetition));
  }

  #withCount({ attributes, adjustedCount }: GivenSpan | GivenLog, repetition: Repetition): Entries {
    const own = drawAttributes(attributes, repetition);
    return adjustedCount === null ? own : [...own, ['sampling.adjusted_count', { double: Number(drawValue(adjustedCount, repetition.next)) }]];
  }

  #owners({ service, resource, scope }: GivenSpan | GivenLog, repetition: Repetition): Row {
    const attributes: Entries = [['service.name', drawText(service, repetition)], ...drawAttributes(resource, repetition)];
    const resourceId = this.#numberOf(this.#resources, JSON.stringify(attributes), (id) => this.#attributes('RESOURCE_ATTRS', id, attributes));
    const scopeId = this.#numberOf(this.#scopes, JSON.stringify([resourceId, scope]), () => undefined);
    return { 'resource.id': resourceId, 'scope.id': scopeId, 'scope.name': scope?.name ?? null, 'scope.version': scope?.version ?? null };
  }

  #numberOf(known: Map<string, number>, key: string, onNew: (id: number) => void): number {
    const found = known.get(key);
    if (found !== undefined) return found;
    const id = known.size;
    known.set(key, id);
    onNew(id);
    return id;
  }

  #attributes(name: PayloadName, parent: number, entries: Entries): void {
    for (const [key, value] of entries) this.#add(name, { parent_id: parent, key, ...valueCells(value) });
  }

  #count(name: PayloadName): number {
    return this.#tables[name]?.length ?? 0;
  }

  #add(name: PayloadName, row: { readonly [path: string]: Cell }): void {
    (this.#tables[name] ??= []).push(row);
  }
}

function oneStatus(status: string | number): 'unset' | 'ok' | 'error' {
  return status === 'error' || status === 'ok' ? status : 'unset';
}
