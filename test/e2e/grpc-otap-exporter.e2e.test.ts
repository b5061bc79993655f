import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { realSeam } from '../../src/base/seam.ts';
import { OtapExporter, type OtapExporterOptions } from '../../src/exporters/otap.ts';
import type { OtapStreamEncoderPort } from '../../src/exporters/otap-stream.ts';
import type { ExportResult } from '../../src/exporters/retry.ts';
import { decodeBatchArrowRecords, encodeBatchArrowRecords } from '../../src/otap/proto/batch-arrow-records.ts';
import { createLogger } from '../../src/telemetry/log.ts';
import { buildOtapClient, goIsThere, run, runToEnd, type Running } from '../support/go/otapclient/run.ts';
import { accepted, captureMessages, RecordingIntake, withReceiver } from './grpc-support.ts';

const batchCount = 150;

/**
 * Sends self-contained batches as parts of one stream: each gets IPC streams of its own by schema ids that the stream has not
 * had. The reference consumer, which holds the state, refuses a schema id that it has never seen the schema of.
 */
class RelabellingEncoder implements OtapStreamEncoderPort<Uint8Array> {
  encode(batchId: bigint, batch: Uint8Array): Uint8Array {
    const { payloads } = decodeBatchArrowRecords(batch);
    return encodeBatchArrowRecords(batchId, payloads.map((payload) => ({ ...payload, schemaId: `${batchId}-${payload.schemaId}`, record: [payload.record] })));
  }
}

describe.skipIf(!goIsThere)('OTAP exporter with grpc-go and the reference consumer as the next hop', { timeout: 20_000 }, () => {
  const capture = join(mkdtempSync(join(tmpdir(), 'thresher-')), 'batches.otap');
  let program = '';
  let batches: Buffer[] = [];
  const logged: string[] = [];

  beforeAll(async () => {
    program = buildOtapClient();
    await runToEnd(program, ['make', '-n', String(batchCount), '-spans', '40', capture]);
    batches = captureMessages(capture);
  });

  function exporterTo(port: number, options: Partial<OtapExporterOptions<Uint8Array>> = {}): OtapExporter<Uint8Array> {
    const seam = realSeam();
    return new OtapExporter({
      endpoint: `127.0.0.1:${port}`, encode: () => new RelabellingEncoder(), seam,
      log: createLogger({ seam, level: 'debug', format: 'json', write: (line) => logged.push(line) }),
      retry: { enabled: true, initialIntervalMs: 50, maxIntervalMs: 500, maxElapsedMs: 60_000 }, ...options,
    });
  }

  async function startSink(...flags: string[]): Promise<{ sink: Running; port: number }> {
    const sink = run(program, ['sink', ...flags]);
    const { port } = await sink.line((line) => 'port' in line);
    return { sink, port: Number(port) };
  }

  /** Exports every batch and closes; gives the kinds of the results. */
  async function exportAll(exporter: OtapExporter<Uint8Array>): Promise<ExportResult[]> {
    const results = await Promise.all(batches.map((batch) => exporter.export('traces', batch)));
    await exporter.close(5000);
    return results;
  }

  /** How often the sinks decoded each batch, by its span name, with all its spans there. */
  function decoded(...sinks: readonly Running[]): Map<string, number> {
    const times = new Map<string, number>();
    for (const { names } of sinks.flatMap(({ lines }) => lines)) {
      for (const [name, spans] of Object.entries((names ?? {}) as Record<string, number>)) {
        expect(spans).toBe(40);
        times.set(name, (times.get(name) ?? 0) + 1);
      }
    }
    return times;
  }

  const all = Array.from({ length: batchCount }, (_, index) => `batch-${index}`);
  const allOk = Array.from({ length: batchCount }, () => ({ kind: 'ok' }));

  it.each(['none', 'gzip', 'zstd', 'zstdarrow1', 'zstdarrow5', 'zstdarrow10'] as const)('delivers each batch once, compressed as %s, with its headers', async (compression) => {
    const { sink, port } = await startSink();
    let wireBytes = 0;
    const exporter = exporterTo(port, { compression, headers: { 'x-test': 'from thresher' }, onWireBytes: (_, bytes) => (wireBytes += bytes) });
    expect(await exportAll(exporter)).toEqual(allOk);
    sink.kill();
    await sink.exited;
    expect(decoded(sink)).toEqual(new Map(all.map((name) => [name, 1])));
    expect(sink.lines.filter(({ test }) => test !== undefined)).toEqual([{ stream: 1, test: ['from thresher'] }]);
    const plainBytes = batches.reduce((sum, batch) => sum + batch.length, 0);
    if (compression === 'none') expect(wireBytes).toBeGreaterThanOrEqual(plainBytes);
    else expect(wireBytes).toBeLessThan(plainBytes * 0.7);
  });

  it('takes answers out of order', async () => {
    const { sink, port } = await startSink('-reverse');
    expect(await exportAll(exporterTo(port))).toEqual(allOk);
    sink.kill();
  });

  it('sends again what was refused for now, and not what was refused for good', async () => {
    const { sink, port } = await startSink('-refuse-every', '4', '-refuse-name', 'batch-77');
    const results = await exportAll(exporterTo(port));
    sink.kill();
    expect(results[77]).toEqual({ kind: 'permanent', reason: 'invalid_argument', message: 'refused by name' });
    expect(results.toSpliced(77, 1)).toEqual(allOk.slice(1));
    expect(decoded(sink)).toEqual(new Map(all.filter((name) => name !== 'batch-77').map((name) => [name, 1])));
  });

  it('goes on over streams that the consumer ends with batches unanswered', async () => {
    const { sink, port } = await startSink('-end-after', '20');
    expect(await exportAll(exporterTo(port))).toEqual(allOk);
    sink.kill();
    expect([...decoded(sink).keys()].toSorted()).toEqual(all.toSorted());
    expect(sink.lines.filter(({ test }) => test !== undefined).length).toBeGreaterThan(5);
  });

  it('loses nothing when the consumer is killed in mid-stream and comes back', async () => {
    const first = await startSink();
    const exporter = exporterTo(first.port, { inFlightMax: 4 });
    const exported = exportAll(exporter);
    await first.sink.line(({ batch }) => batch === 40);
    first.sink.kill();
    await first.sink.exited;
    await sleep(300);
    const second = await startSink('-at', `127.0.0.1:${first.port}`);
    expect(await exported).toEqual(allOk);
    second.sink.kill();
    await second.sink.exited;
    const times = decoded(first.sink, second.sink);
    expect([...times.keys()].toSorted()).toEqual(all.toSorted());
    expect([...times.values()].filter((count) => count > 1).length).toBeLessThanOrEqual(4);
  });

  it('waits for a consumer that is not there yet', async () => {
    const { sink, port } = await startSink();
    sink.kill();
    await sink.exited;
    const exported = exportAll(exporterTo(port));
    await sleep(400);
    const late = await startSink('-at', `127.0.0.1:${port}`);
    expect(await exported).toEqual(allOk);
    late.sink.kill();
  });

  it('falls back to uncompressed messages for a consumer without zstd, and says so', async () => {
    logged.length = 0;
    const { sink, port } = await startSink('-zstd=false');
    expect(await exportAll(exporterTo(port))).toEqual(allOk);
    sink.kill();
    expect([...decoded(sink).keys()].toSorted()).toEqual(all.toSorted());
    expect(logged.filter((line) => line.includes('otap_compression_refused'))).toHaveLength(1);
  });

  it('gives up for good where nobody serves OTAP', async () => {
    const { sink, port } = await startSink();
    const exporter = exporterTo(port);
    expect(await exporter.export('logs', batches[0])).toMatchObject({ kind: 'permanent', reason: 'stream_unimplemented' });
    await exporter.close(1000);
    sink.kill();
  });

  it('delivers to our own receiver, which gets what the encoder made', async () => {
    const intake = new RecordingIntake();
    intake.answer = (batchId) => (intake.received.length === 31
      ? { batchId, ack: { status: 'RESOURCE_EXHAUSTED', message: 'full', retryAfterMs: 10 }, streamBroken: false }
      : accepted(batchId));
    await withReceiver(intake, {}, async (port) => {
      expect(await exportAll(exporterTo(port, { maxStreamLifetimeMs: 30 }))).toEqual(allOk);
    });
    expect(intake.received).toHaveLength(batchCount + 1);
    expect(new Set(intake.received.map(({ encoding }) => encoding))).toEqual(new Set(['zstd']));
    expect(intake.opened).toBe(intake.closed);
  });

  it('drains when our own receiver shuts down in mid-stream, and goes on at the next one', async () => {
    const first = new RecordingIntake();
    const second = new RecordingIntake();
    first.answer = async (batchId) => {
      await sleep(2);
      return accepted(batchId);
    };
    let exported: Promise<ExportResult[]> = Promise.resolve([]);
    let port = 0;
    await withReceiver(first, {}, async (at, server) => {
      port = at;
      exported = exportAll(exporterTo(port));
      while (first.received.length < 30) await sleep(1);
      await server.drain(3000);
    });
    await withReceiver(second, {}, async () => {
      expect(await exported).toEqual(allOk);
    }, port);
    expect(first.received.length + second.received.length).toBe(batchCount);
  });
});
