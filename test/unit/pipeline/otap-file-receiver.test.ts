import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { realSeam } from '../../../src/base/seam.ts';
import { OtapFileReceiver } from '../../../src/receivers/otap-file.ts';
import { silentLogger } from '../../../src/telemetry/log.ts';
import { captureOf, directory as captures } from '../../support/captures.ts';
import { toOtlp } from '../../support/otap-to-otlp.ts';
import { OtapStreamDecoder } from '../../../src/otap/decode/stream-decoder.ts';
import { compile, openFlow } from '../../sql/store/support.ts';
import { truthItems } from '../../sql/store/truth-rows.ts';
import { readTruth } from '../../support/otlp-truth.ts';

const directory = mkdtempSync(join(tmpdir(), 'otap-file-'));
afterAll(() => rmSync(directory, { recursive: true }));

const options = (path: string, more: { readonly loop: boolean; readonly speed: number | 'max' }) => ({ id: 'otap_file', path, inputWithoutThreshold: 'unsampled', ...more }) as const;
const waitMs = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Plays a file into a processor that keeps all, for some time, and gives the spans that leave. */
async function played(name: string, ms: number, more: { readonly loop: boolean; readonly speed: number | 'max' }) {
  const flow = await openFlow({ time: 'arrival', policies: await compile('SELECT trace_id, 1.0 AS probability FROM traces'), memoryLimitBytes: 2 ** 28 });
  const receiver = new OtapFileReceiver(options(join(captures, captureOf(name).file), more), { intake: flow.processor.intake, seam: realSeam(), log: silentLogger, checkTaken: () => undefined });
  const startMs = Date.now();
  receiver.start();
  await waitMs(ms);
  await receiver.stop();
  await flow.processor.drain();
  flow.processor.close();
  const decoder = new OtapStreamDecoder('traces');
  return { startMs, tally: flow.tally, spans: truthItems(flow.sink.messages('traces').map((message) => toOtlp(decoder.decode(message)))) };
}

describe('the receiver of capture files', () => {
  test('plays a file once, its times moved to now and nothing else changed', async () => {
    const { spans, startMs } = await played('collector_traces', 1500, { loop: false, speed: 'max' });
    const truth = truthItems(readTruth('collector_traces'));
    expect(spans.length).toBe(truth.length);
    const starts = (items: typeof truth): bigint[] => items.map(({ item }) => BigInt(String(item['startTimeUnixNano']))).sort((a, b) => (a < b ? -1 : 1));
    const [found, expected] = [starts(spans), starts(truth)];
    expect(found.map((time) => time - found[0])).toEqual(expected.map((time) => time - expected[0]));
    expect(Math.abs(Number(found[0] / 1_000_000n) - startMs)).toBeLessThan(1500);
    expect(new Set(spans.map(({ item }) => item['traceId']))).toEqual(new Set(truth.map(({ item }) => item['traceId'])));
  });

  test('plays it over and over: new traces each round, and others get their turn', async () => {
    const truth = truthItems(readTruth('collector_traces'));
    let ticks = 0;
    const ticking = setInterval(() => ticks++, 10);
    const { spans } = await played('collector_traces', 1000, { loop: true, speed: 'max' });
    clearInterval(ticking);
    const rounds = spans.length / truth.length;
    expect(rounds).toBeGreaterThan(2);
    expect(ticks).toBeGreaterThan(5);
    const traces = (count: number): number => new Set(spans.slice(0, count).map(({ item }) => item['traceId'])).size;
    const once = new Set(truth.map(({ item }) => item['traceId'])).size;
    expect(traces(spans.length)).toBeGreaterThan(once * Math.floor(rounds) - 1);
  });

  test('at its own speed: half a second of three', async () => {
    const { tally } = await played('traces_zstd', 600, { loop: false, speed: 1 });
    expect(tally.bySignal.traces.items).toBeGreaterThan(500);
    expect(tally.bySignal.traces.items).toBeLessThan(12_000);
  });

  test('an empty file that is to be looped does not keep the process', async () => {
    const path = join(directory, 'empty.otap');
    writeFileSync(path, '');
    const flow = await openFlow({ time: 'arrival' });
    const receiver = new OtapFileReceiver(options(path, { loop: true, speed: 1 }), { intake: flow.processor.intake, seam: realSeam(), log: silentLogger, checkTaken: () => undefined });
    receiver.start();
    await waitMs(50);
    await receiver.stop();
    flow.processor.close();
  });
});
