import { gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import type { Signal } from '../../src/otap/payload-type.ts';
import type { TelemetryMessage } from '../../src/pipeline/intake-port.ts';
import { compile, type Flow, openFlow } from '../sql/store/support.ts';
import { captures } from '../support/captures.ts';
import { canonical } from '../support/otap-to-otlp.ts';
import { truthBytes } from '../support/otlp-bytes.ts';
import { parseOtlp, readTruth } from '../support/otlp-truth.ts';
import { decodeOwn } from '../support/reencode.ts';
import { difference, sampled, stamped, tallyOf } from './kept-support.ts';

const policies = { traces: 'SELECT trace_id, 1.0 AS probability FROM traces', logs: 'SELECT id, 1.0 AS probability FROM logs' } as const;
/** Windows so long that no span is late: a late one goes by its trace's threshold, and recorded traces came with several. */
const windows = { tracesLengthMs: 4000, tracesWaitMs: 30_000, logsLengthMs: 5000 };

/** Plain, as the Collector's exporter sends by default, and as others may. */
const forms: readonly ((bytes: Uint8Array) => TelemetryMessage)[] = [
  (bytes) => ({ bytes, compressed: null, encoding: 'identity' }),
  (bytes) => ({ bytes, compressed: gzipSync(bytes), encoding: 'gzip' }),
  (bytes) => ({ bytes, compressed: zstdCompressSync(bytes), encoding: 'zstd' }),
];

/** The recorded telemetry as OTLP requests, their forms in turn, through the main path. */
async function throughOtlp(name: string, signal: Signal): Promise<Flow> {
  const flow = await openFlow(signal === 'metrics' ? {} : { policies: await compile(policies[signal]), windows });
  const intake = flow.processor.intake.openOtlp(signal);
  for (const [index, bytes] of truthBytes(name).entries()) {
    expect(await intake.accept(forms[index % forms.length](bytes))).toMatchObject({ status: 'OK' });
    await flow.processor.advance(0n);
  }
  await flow.processor.drain();
  flow.processor.close();
  expect(flow.tally.firstError).toBeNull();
  return flow;
}

/**
 * Scenario: what the recorded streams were made of comes as OTLP instead, plain and compressed, under a policy that keeps everything.
 * Guarantees: as for OTAP, what leaves is what came, attribute by attribute, beside it only what sampling writes.
 */
describe.each(sampled)('$name', ({ name, signal }) => {
  test('a policy that keeps everything gives back everything', async () => {
    const flow = await throughOtlp(name, signal);
    const truth = canonical(readTruth(name).map(stamped));
    expect(difference(decodeOwn(signal, flow.sink.messages(signal)), truth)).toBeNull();
    expect(tallyOf(flow, signal)).toMatchObject({ items: truth.length, kept: truth.length, unreadable: 0, policyFailures: 0 });
  });
});

test.each(captures.filter(({ signal }) => signal === 'metrics'))('$name passes through', async ({ name, signal }) => {
  const { sink } = await throughOtlp(name, signal);
  expect(canonical(decodeOwn(signal, sink.messages(signal)))).toEqual(canonical(truthBytes(name).map((bytes) => parseOtlp(signal, bytes))));
});
