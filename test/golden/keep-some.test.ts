import { describe, expect, test } from 'vitest';
import { canonical } from '../support/otap-to-otlp.ts';
import type { JsonObject, OtlpRequest } from '../support/otlp-json.ts';
import { readTruth } from '../support/otlp-truth.ts';
import { decodeOwn } from '../support/reencode.ts';
import { changed, difference, itemsOf, replayed, sampled, stamped, tallyOf } from './kept-support.ts';

/**
 * Scenario: recorded streams go through the whole main path in short windows, under a policy that names a part.
 * Guarantees: exactly that part leaves, traces whole, though their spans come in several slots and late.
 */
describe.each(sampled)('$name', ({ name, signal }) => {
  test('a policy that names a part gives that part, and traces whole', async () => {
    const flow = await replayed(name, signal, {
      traces: "SELECT trace_id, 1.0 AS probability FROM traces WHERE right(hex(trace_id), 1) < '6'",
      logs: 'SELECT id, 1.0 AS probability FROM logs WHERE severity_number >= 13 AND trace_id IS NOT NULL',
    });
    const decoded = decodeOwn(signal, flow.sink.messages(signal));
    const truth = readTruth(name);
    const chosen = signal === 'logs' ? logsChosen : tracesChosen;
    expect(difference(decoded, canonical(truth.map((request) => stamped(filtered(request, chosen)))))).toBeNull();
    expect(tallyOf(flow, signal)).toMatchObject({ items: truth.flatMap(itemsOf).length, kept: decoded.flatMap(itemsOf).length });
    if (name.startsWith('collector_logs')) return;
    expect(decoded.flatMap(itemsOf).length).toBeGreaterThan(0);
    expect(decoded.flatMap(itemsOf).length).toBeLessThan(truth.flatMap(itemsOf).length);
  });
});

type Choice = (item: JsonObject) => boolean;

function filtered(request: OtlpRequest, choice: Choice): OtlpRequest {
  return changed(request, (items) => items.filter(choice));
}

const logsChosen: Choice = (item) => Number(item['severityNumber'] ?? 0) >= 13 && /[1-9a-f]/.test(String(item['traceId'] ?? ''));

const tracesChosen: Choice = (item) => /[0-5]$/.test(String(item['traceId']));
