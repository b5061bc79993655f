import { describe, expect, test } from 'vitest';
import { metrics as declared } from '../../../src/telemetry/declared.ts';
import { declareMetrics, MetricRegistry } from '../../../src/telemetry/metrics.ts';

const samples = declareMetrics({
  spans: { type: 'counter', name: 'spans_total', help: 'Spans.', labels: ['signal', 'peer'], seriesMax: 2 },
  depth: { type: 'gauge', name: 'queue_depth', help: 'Items in the queue.' },
  seconds: { type: 'histogram', name: 'run_seconds', help: 'Run time.', buckets: [0.1, 1] },
});

describe('metric registry', () => {
  test('writes counters, gauges and cumulative histograms in the text exposition format', () => {
    const registry = new MetricRegistry();
    registry.counter(samples.spans).add(3, { signal: 'traces', peer: 'a' });
    registry.counter(samples.spans).add(2, { signal: 'traces', peer: 'a' });
    registry.gauge(samples.depth).set(-1.5);
    for (const value of [0.05, 0.1, 0.5, 7]) registry.histogram(samples.seconds).observe(value);
    expect(registry.text()).toBe([
      '# HELP queue_depth Items in the queue.',
      '# TYPE queue_depth gauge',
      'queue_depth -1.5',
      '# HELP run_seconds Run time.',
      '# TYPE run_seconds histogram',
      'run_seconds_bucket{le="0.1"} 2',
      'run_seconds_bucket{le="1"} 3',
      'run_seconds_bucket{le="+Inf"} 4',
      'run_seconds_sum 7.65',
      'run_seconds_count 4',
      '# HELP spans_total Spans.',
      '# TYPE spans_total counter',
      'spans_total{signal="traces",peer="a"} 5',
      '',
    ].join('\n'));
  });

  test('escapes backslash, quote and newline', () => {
    const registry = new MetricRegistry();
    const odd = declareMetrics({ odd: { type: 'gauge', name: 'odd', help: 'a\\b\nc "d"', labels: ['path'] } }).odd;
    registry.gauge(odd).set(1, { path: 'C:\\x\n"y"' });
    expect(registry.text()).toBe('# HELP odd a\\\\b\\nc "d"\n# TYPE odd gauge\nodd{path="C:\\\\x\\n\\"y\\""} 1\n');
  });

  test('folds label sets over the bound into "other" and counts them', () => {
    const registry = new MetricRegistry();
    const counter = registry.counter(samples.spans);
    for (const peer of ['a', 'b', 'c', 'd', 'a']) counter.add(1, { signal: 'logs', peer });
    expect(registry.value(samples.spans, { signal: 'logs', peer: 'a' })).toBe(2);
    expect(registry.value(samples.spans, { signal: 'other', peer: 'other' })).toBe(2);
    expect(registry.text()).toContain('thresher_metric_label_overflow_total{metric="spans_total"} 2\n');
  });

  test('a metric without labels is there before its first use, one with labels only after', () => {
    const registry = new MetricRegistry();
    registry.gauge(samples.depth);
    registry.counter(samples.spans);
    expect(registry.text()).toContain('queue_depth 0\n');
    expect(registry.text()).not.toContain('spans_total{');
  });

  test('a gauge that is cleared forgets its series, and goes on', () => {
    const registry = new MetricRegistry();
    const info = registry.gauge(declareMetrics({ info: { type: 'gauge', name: 'info', help: 'Info.', labels: ['hash'] } }).info);
    info.clear();
    info.set(1, { hash: 'a' });
    info.set(1, { hash: 'b' });
    info.clear();
    info.set(1, { hash: 'c' });
    expect(registry.text()).toBe('# HELP info Info.\n# TYPE info gauge\ninfo{hash="c"} 1\n');
  });

  test('collectors run before each reading', () => {
    const registry = new MetricRegistry();
    let depth = 0;
    registry.onRead(() => registry.gauge(samples.depth).set(++depth));
    registry.text();
    expect(registry.text()).toContain('queue_depth 2\n');
  });

  test('a counter refuses to shrink, a name two types', () => {
    const registry = new MetricRegistry();
    const counter = registry.counter(samples.spans).with({ signal: 'logs', peer: 'a' });
    expect(() => counter.add(-1)).toThrow(/grows/);
    expect(() => counter.add(Number.NaN)).toThrow(/grows/);
    expect(() => registry.gauge({ type: 'gauge', name: 'spans_total', help: '' })).toThrow(/two types/);
  });
});

describe('declared metrics', () => {
  const definitions = Object.values(declared);

  test('have names and labels that Prometheus takes, each name once', () => {
    for (const { name, labels } of definitions.map((definition) => ({ labels: [], ...definition }))) {
      expect(name).toMatch(/^[a-z][a-z0-9_]*$/);
      for (const label of labels) expect(label).toMatch(/^[a-z][a-z0-9_]*$/);
    }
    expect(new Set(definitions.map(({ name }) => name)).size).toBe(definitions.length);
  });

  test('counters, and only they, end in _total; each has a sentence of help', () => {
    for (const { name, type, help } of definitions) {
      expect(name.endsWith('_total'), name).toBe(type === 'counter');
      expect(help, name).toMatch(/^[A-Z].*\.$/);
    }
  });
});
