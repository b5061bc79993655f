import { Buffer } from 'node:buffer';
import { StreamAudit } from '../../../src/audit/stream-audit.ts';
import { type Finding, findingsOf } from '../../../src/audit/findings.ts';
import { defaultHashKey } from '../../../src/base/seam.ts';
import type { OtapBatch } from '../../../src/otap/batch.ts';
import { KeyedHash } from '../../../src/sampling/keyed-hash.ts';
import { batchOf, type Value } from '../../support/random-batch.ts';

/** 16 random bytes. */
export function randomId(random: () => number): Buffer {
  return Buffer.from(Uint8Array.from({ length: 16 }, () => Math.floor(random() * 256)));
}

export interface TestSpan {
  readonly id: Buffer;
  readonly service?: string;
  readonly th?: string | null;
  readonly count?: number | string | null;
  readonly spanId?: number;
}

/** A batch of spans, each of the service that it names. */
export function spansBatch(spans: readonly TestSpan[], firstSpan = 1): OtapBatch {
  const names = [...new Set(spans.map(({ service }) => service ?? 'shop'))];
  const attributes = spans.flatMap(({ count }, index): { readonly [path: string]: Value }[] => {
    if (count === undefined || count === null) return [];
    const value: { readonly [path: string]: Value } = typeof count === 'string' ? { type: 1, str: count } : { type: 3, double: count };
    return [{ parent_id: index, key: 'sampling.adjusted_count', ...value }];
  });
  return batchOf('traces', {
    SPANS: spans.map(({ id, service, th, spanId }, index): { readonly [path: string]: Value } => ({
      'id': index, 'resource.id': names.indexOf(service ?? 'shop'), 'scope.id': 0, 'trace_id': id, 'kind': 1, 'name': 'x',
      'span_id': Buffer.from((spanId ?? firstSpan + index).toString(16).padStart(16, '0'), 'hex'),
      'trace_state': th === undefined || th === null ? null : `ot=th:${th}`,
    })),
    ...(attributes.length > 0 ? { SPAN_ATTRS: attributes } : {}),
    RESOURCE_ATTRS: names.map((name, index) => ({ parent_id: index, key: 'service.name', type: 1, str: name })),
  });
}

export function audited(spans: readonly TestSpan[]): StreamAudit {
  const audit = new StreamAudit(new KeyedHash(defaultHashKey));
  for (let from = 0; from < spans.length; from += 5000) audit.add(spansBatch(spans.slice(from, from + 5000), from + 1));
  return audit;
}

export function findingsIn(spans: readonly TestSpan[], level = 0.001): Finding[] {
  return findingsOf(audited(spans).services.values(), 'spans', level);
}

/** R of a trace id as a fraction of its range. */
export function fractionOf(id: Buffer): number {
  return Number(id.readBigUInt64BE(8) & 0xffffffffffffffn) / 2 ** 56;
}

/** Spans of random traces that a consistent sampler of probability p keeps, with its threshold. */
export function sampledSpans(random: () => number, traces: number, p: number, service = 'shop'): TestSpan[] {
  const th = p === 1 ? '0' : Math.round((1 - p) * 2 ** 16).toString(16).padStart(4, '0').replace(/0+$/, '');
  return Array.from({ length: traces }, () => randomId(random)).filter((id) => fractionOf(id) >= 1 - p).map((id) => ({ id, th, service, count: 1 / p }));
}
