import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startHttp } from '../../src/http/server.ts';
import { metrics } from '../../src/telemetry/declared.ts';
import { declareMetrics, MetricRegistry } from '../../src/telemetry/metrics.ts';
import { registerProcessMetrics } from '../../src/telemetry/process-metrics.ts';

interface ParsedSeries {
  readonly name: string;
  readonly type: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value?: number;
  readonly buckets?: Readonly<Record<string, number>>;
  readonly count?: number;
  readonly sum?: number;
}

const withoutGo = spawnSync('go', ['version']).error !== undefined && process.env['CI'] === undefined;
const directory = mkdtempSync(join(tmpdir(), 'promcheck-'));
const program = join(directory, 'promcheck');

/** What Prometheus' own parser (prometheus/common, expfmt) understands of the text. */
function parsed(text: string): ParsedSeries[] {
  return JSON.parse(execFileSync(program, { input: text, encoding: 'utf8' })) as ParsedSeries[];
}

// Skipped only where `go` is missing outside of CI.
describe.skipIf(withoutGo)('Prometheus\' own parser reads /metrics', () => {
  beforeAll(() => {
    execFileSync('go', ['build', '-o', program, '.'], { cwd: join(import.meta.dirname, '../support/go/promcheck'), stdio: ['ignore', 'ignore', 'inherit'] });
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  test('values, labels and buckets come back as they were put in, odd ones too', () => {
    const odd = declareMetrics({
      gauge: { type: 'gauge', name: 'odd', help: 'A \\ and a\nnewline.', labels: ['a', 'b'] },
      seconds: { type: 'histogram', name: 'took_seconds', help: 'Time.', buckets: [0.1, 1] },
    });
    const registry = new MetricRegistry();
    const values = [1, -0.5, 1e300, 1e-9];
    values.forEach((value, i) => registry.gauge(odd.gauge).set(value, { a: `x${i}`, b: 'C:\\n "q"\n{},=\u00e9\u{1f600}' }));
    registry.gauge(odd.gauge).set(2 ** 53, { a: '', b: '' });
    registry.counter(metrics.itemsReceived).add(7, { signal: 'traces', receiver: 'otlp/b' });
    for (const value of [0.1, 0.2, 5]) registry.histogram(odd.seconds).observe(value);
    expect(parsed(registry.text())).toEqual([
      ...values.map((value, i) => ({ name: 'odd', type: 'GAUGE', labels: { a: `x${i}`, b: 'C:\\n "q"\n{},=\u00e9\u{1f600}' }, value })),
      { name: 'odd', type: 'GAUGE', labels: { a: '', b: '' }, value: 2 ** 53 },
      { name: metrics.itemsReceived.name, type: 'COUNTER', labels: { signal: 'traces', receiver: 'otlp/b' }, value: 7 },
      { name: 'took_seconds', type: 'HISTOGRAM', labels: {}, buckets: { 0.1: 1, 1: 2, '+Inf': 3 }, count: 3, sum: 5.3 },
    ].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)));
  });

  test('every declared metric, served over HTTP', async () => {
    const registry = new MetricRegistry();
    const stop = registerProcessMetrics(registry);
    for (const definition of Object.values(metrics)) {
      const labels = Object.fromEntries(('labels' in definition ? definition.labels : []).map((label) => [label, `a ${label}`]));
      record(registry, definition, labels);
    }
    const server = await startHttp({ endpoint: '127.0.0.1:0', registry, ready: () => true, health: () => ({ ok: true, detail: {} }) });
    const text = await (await fetch(`http://${server.address}/metrics`)).text();
    await server.close();
    stop();
    const names = new Set(parsed(text).map(({ name }) => name));
    for (const { name } of Object.values(metrics)) expect(names).toContain(name);
  });
});

/** Gives one series to a metric whose labels are known only at run time. */
function record(registry: MetricRegistry, definition: { readonly type: string; readonly name: string; readonly help: string; readonly labels?: readonly string[] }, labels: Record<string, string>): void {
  const { name, help, labels: names = [] } = definition;
  if (definition.type === 'counter') registry.counter({ type: 'counter', name, help, labels: names }).add(1, labels);
  else if (definition.type === 'gauge') registry.gauge({ type: 'gauge', name, help, labels: names }).set(1, labels);
  else registry.histogram({ type: 'histogram', name, help, labels: names }).observe(1, labels);
}
