import { afterAll, beforeAll, expect, test } from 'vitest';
import { join } from 'node:path';
import type { Signal } from '../../src/otap/payload-type.ts';
import { runProgram } from '../support/built-program.ts';
import type { OtlpRequest } from '../support/otlp-json.ts';
import { parseOtlp } from '../support/otlp-truth.ts';
import { Chain } from './support/chain.ts';
import { Arrived } from './support/compare.ts';
import type { Piece } from './support/pieces.ts';
import { countItems } from './support/telemetry.ts';
import { describeWith, pathOf } from './support/with-pieces.ts';

/**
 * Scenario: applications send spans, log records and metrics with the OpenTelemetry SDKs for JavaScript and Python, by each of their OTLP
 * exporters with its default settings, to Thresher, which keeps all and sends it on to a Collector.
 * Guarantees: every export succeeds, and the Collector understands just what the SDK handed to its exporters.
 */
const senders = [
  { name: 'JavaScript', piece: 'sdkJs', kinds: ['grpc', 'http', 'proto'] },
  { name: 'Python', piece: 'sdkPython', kinds: ['grpc', 'http'] },
] as const satisfies readonly { readonly name: string; readonly piece: Piece; readonly kinds: readonly string[] }[];

interface Sent extends Readonly<Record<Signal, readonly OtlpRequest[]>> {
  readonly failed: readonly string[];
}

for (const { name, piece, kinds } of senders) {
  describeWith(`SDK for ${name} -> Thresher -> Collector`, ['collector', piece], () => {
    let chain: Chain;
    let said = (): string => '';
    beforeAll(async () => {
      chain = await Chain.create();
      await chain.next('otlp');
      const thresher = await chain.thresher('otlphttp', 'otlp');
      said = () => thresher.said.slice(-2000);
    });
    afterAll(() => chain.stop());

    test.each(kinds)('%s exporters', async (kind) => {
      const { grpc, http } = chain.ports;
      const sent = await send(piece, kind, kind === 'grpc' ? `http://127.0.0.1:${grpc}` : `http://127.0.0.1:${http}`);
      expect(sent.failed).toEqual([]);
      for (const signal of ['traces', 'logs', 'metrics'] as const) {
        const received = await chain.output.takeItems(signal, countItems(signal, sent[signal]), said);
        const arrived = Arrived.kept(signal, received);
        expect(arrived.missing(sent[signal])).toBeNull();
        expect(arrived.left()).toBeNull();
      }
      expect({ traces: countItems('traces', sent.traces), logs: countItems('logs', sent.logs), metrics: countItems('metrics', sent.metrics) }).toEqual({ traces: 600, logs: 601, metrics: 5 });
    });
  });
}

/** Runs an SDK's program to its end; what it sent. */
async function send(piece: Piece, kind: string, endpoint: string): Promise<Sent> {
  const home = pathOf(piece);
  if (piece === 'sdkJs') return JSON.parse(await runProgram(process.execPath, ['send.mjs', kind, endpoint], { cwd: home })) as Sent;
  const program = join(import.meta.dirname, 'sdk/python/send.py');
  const report = JSON.parse(await runProgram(join(home, 'bin/python'), [program, kind, endpoint])) as Readonly<Record<Signal | 'failed', readonly string[]>>;
  const parsed = (signal: Signal): OtlpRequest[] => report[signal].map((message) => parseOtlp(signal, Buffer.from(message, 'base64')));
  return { traces: parsed('traces'), logs: parsed('logs'), metrics: parsed('metrics'), failed: report.failed };
}
