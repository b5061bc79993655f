import { expect, test } from 'vitest';
import type { SplicedItems } from '../../src/otlp/splice/spliced-items.ts';
import type { BatchSink } from '../../src/pipeline/sink.ts';
import { CollectingSink, compile, openFlow } from '../sql/store/support.ts';
import { captureOf } from '../support/captures.ts';
import { canonical } from '../support/otap-to-otlp.ts';
import { truthBytes } from '../support/otlp-bytes.ts';
import type { JsonObject, OtlpRequest } from '../support/otlp-json.ts';
import { parseOtlp } from '../support/otlp-truth.ts';
import { decodeOwn } from '../support/reencode.ts';
import { changed, itemsOf } from './kept-support.ts';

/**
 * Scenario: telemetry comes as OTLP, in short windows; what is kept and what is dropped go each to a sink of OTLP and to one of tables.
 * Guarantees: as for OTAP, each item leaves by exactly one way, and a dropped one as it came, spliced or rebuilt.
 */
class OtlpSink implements BatchSink {
  readonly name = 'otlp';
  readonly queuedBytes = 0;
  readonly #spliced: SplicedItems[] = [];

  push(): Promise<void> {
    return Promise.reject(new Error('what came as OTLP should be spliced'));
  }

  async pushSpliced(items: SplicedItems): Promise<void> {
    this.#spliced.push(items);
  }

  async drain(): Promise<void> {}

  requests(): OtlpRequest[] {
    return this.#spliced.flatMap((items) => items.requests(1 << 22).map(({ bytes }) => parseOtlp(items.signal, bytes)));
  }
}

/** Enough for many windows. */
const requestsMax = 60;

function those(requests: readonly OtlpRequest[], choice: (item: JsonObject) => boolean): OtlpRequest[] {
  return requests.map((request) => changed(request, (items) => items.filter(choice)));
}

test.each([
  ['traces_zstd', "SELECT trace_id, 1.0 AS probability FROM traces WHERE right(hex(trace_id), 1) < '6'", (item: JsonObject) => /[0-5]$/.test(String(item['traceId']))],
  ['logs_zstd', 'SELECT id, 1.0 AS probability FROM logs WHERE severity_number >= 13', (item: JsonObject) => Number(item['severityNumber'] ?? 0) >= 13],
])('%s', async (name, sql, chosen) => {
  const { signal } = captureOf(name);
  const requests = truthBytes(name).slice(0, requestsMax);
  const [keptOtlp, droppedOtlp, kept, dropped] = [new OtlpSink(), new OtlpSink(), new CollectingSink(), new CollectingSink()];
  const route = { kept: [keptOtlp, kept], dropped: [dropped, droppedOtlp] };
  const { processor, tally } = await openFlow({
    policies: await compile(sql), windows: { tracesLengthMs: 50, tracesWaitMs: 10, logsLengthMs: 5000 },
    sinks: [...route.kept, ...route.dropped], routes: { traces: route, logs: route, metrics: { kept: [] } },
  });
  const intake = processor.intake.openOtlp(signal);
  for (const bytes of requests) {
    expect(await intake.accept({ bytes, compressed: null, encoding: 'identity' })).toMatchObject({ status: 'OK' });
    await processor.advance(0n);
  }
  await processor.drain();
  processor.close();
  expect(tally.firstError).toBeNull();
  const truth = requests.map((bytes) => parseOtlp(signal, bytes));
  const left = canonical(those(truth, (item) => !chosen(item)));
  expect(canonical(droppedOtlp.requests())).toEqual(left);
  expect(canonical(decodeOwn(signal, dropped.messages(signal)))).toEqual(left);
  for (const sent of [keptOtlp.requests(), decodeOwn(signal, kept.messages(signal))]) expect(sent.flatMap(itemsOf)).toHaveLength(those(truth, chosen).flatMap(itemsOf).length);
  expect(tally.droppedRoutedItems).toBe(left.length);
});
