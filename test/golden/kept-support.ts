import { expect } from 'vitest';
import type { Signal } from '../../src/otap/payload-type.ts';
import { compile, type Flow, flowThrough } from '../sql/store/support.ts';
import { captures, readCapture } from '../support/captures.ts';
import { canonical } from '../support/otap-to-otlp.ts';
import { type Json, type JsonObject, object, objects, type OtlpRequest } from '../support/otlp-json.ts';

const short = { tracesLengthMs: 50, tracesWaitMs: 10, logsLengthMs: 5000 };
/** Here spans of a trace came with different thresholds, and a late span takes that of the decision (rule 17): so that none is late. */
const long = { tracesLengthMs: 4000, tracesWaitMs: 30_000, logsLengthMs: 5000 };
export const sampled = captures.filter(({ signal }) => signal !== 'metrics');

/** The first item that differs, in short words. */
export function difference(decoded: readonly OtlpRequest[], truth: readonly string[]): string | null {
  const left = canonical(decoded.map(normal));
  const at = truth.findIndex((item, index) => item !== left[index]);
  return at === -1 && left.length === truth.length ? null : `item ${at}; ${left.length} for ${truth.length}:\n${left[at] ?? 'none'}\n${truth[at] ?? 'none'}`;
}

export async function replayed(name: string, signal: Signal, policies: { readonly traces: string; readonly logs: string }): Promise<Flow> {
  if (signal === 'metrics') throw new Error('metrics have no policies');
  const flow = await flowThrough(signal, readCapture(name), { policies: await compile(policies[signal]), windows: name === 'rust/rust_traces' ? long : short });
  expect(flow.tally.firstError).toBeNull();
  return flow;
}

export function tallyOf({ tally }: Flow, signal: Signal): Flow['tally']['bySignal']['traces'] {
  return tally.bySignal[signal === 'logs' ? 'logs' : 'traces'];
}

const names = { resourceSpans: ['scopeSpans', 'spans'], resourceLogs: ['scopeLogs', 'logRecords'] } as const;

export function changed(request: OtlpRequest, change: (items: readonly JsonObject[]) => readonly JsonObject[]): OtlpRequest {
  const out: { [name: string]: Json } = {};
  for (const name of ['resourceSpans', 'resourceLogs'] as const) {
    const [scopes, items] = names[name];
    if (request[name] === undefined) continue;
    out[name] = objects(request[name]).map((resource) => ({
      ...resource,
      [scopes]: objects(resource[scopes]).map((scope) => ({ ...scope, [items]: change(objects(scope[items])) })),
    }));
  }
  return out;
}

export function itemsOf(request: OtlpRequest): JsonObject[] {
  const items: JsonObject[] = [];
  changed(request, (some) => {
    items.push(...some);
    return some;
  });
  return items;
}

/** What a kept item should leave with at probability 1 (sampling.md, rules 1 to 5): its own th, else 0; neither th nor count where th contradicts R. */
export function stamped(request: OtlpRequest): OtlpRequest {
  return changed(request, (items) => items.map(request.resourceSpans === undefined ? stampedLog : stampedSpan));
}

function stampedSpan(item: JsonObject): JsonObject {
  const state = String(item['traceState'] ?? '');
  const th = /(?:^|[,;=])th:([0-9a-f]+)/.exec(state)?.[1] ?? null;
  const rv = /(?:^|[,;=])rv:([0-9a-f]{14})/.exec(state)?.[1] ?? String(item['traceId']).slice(-14);
  const threshold = BigInt(`0x${(th ?? '0').padEnd(14, '0')}`);
  if (threshold > BigInt(`0x${rv}`)) return { ...item, traceState: members(state).filter((member) => !member.startsWith('ot/th:')).join(' ') };
  const kept = th === null ? [...members(state), 'ot/th:0'].sort() : members(state);
  return { ...withAttribute(item, 'sampling.adjusted_count', { doubleValue: 2 ** 56 / Number(2n ** 56n - threshold) }), traceState: kept.join(' ') };
}

function stampedLog(item: JsonObject): JsonObject {
  const counted = withAttribute(item, 'sampling.adjusted_count', { doubleValue: 1 });
  return withAttribute(counted, 'sampling.threshold', { stringValue: '0' });
}

function withAttribute(item: JsonObject, key: string, value: JsonObject): JsonObject {
  return { ...item, attributes: [...objects(item['attributes']), { key, value }] };
}

/** Members of a tracestate, those of `ot` one by one, sorted: their order means nothing here. */
function members(state: string): string[] {
  const parts = state.split(',').filter((member) => member !== '');
  return parts.flatMap((member) => (member.startsWith('ot=') ? member.slice(3).split(';').map((key) => `ot/${key}`) : [member])).sort();
}

/** What left, with the tracestate as `members`, and without the randomness of logs outside of traces, which is a secret hash. */
export function normal(request: OtlpRequest): OtlpRequest {
  return changed(request, (items) => items.map((item) => {
    const isSpan = request.resourceSpans !== undefined;
    const isOutside = !isSpan && !/[1-9a-f]/.test(String(item['traceId'] ?? ''));
    const attributes = objects(item['attributes']);
    const randomness = attributes.filter(({ key }) => key === 'sampling.randomness');
    if (isOutside) expect(String(object(randomness[0]?.value)['stringValue'])).toMatch(/^[0-9a-f]{14}$/);
    return {
      ...item,
      ...(isSpan ? { traceState: members(String(item['traceState'] ?? '')).join(' ') } : {}),
      attributes: isOutside ? attributes.filter(({ key }) => key !== 'sampling.randomness') : attributes,
    };
  }));
}
