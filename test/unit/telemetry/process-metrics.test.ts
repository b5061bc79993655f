import { expect, test } from 'vitest';
import { metrics } from '../../../src/telemetry/declared.ts';
import { MetricRegistry } from '../../../src/telemetry/metrics.ts';
import { registerProcessMetrics } from '../../../src/telemetry/process-metrics.ts';

test('memory and CPU of the process agree with what the operating system says', () => {
  const registry = new MetricRegistry();
  const stop = registerProcessMetrics(registry);
  registry.text();
  const before = registry.value(metrics.processCpuSeconds);
  const until = performance.now() + 60;
  while (performance.now() < until);
  registry.text();
  stop();
  expect(registry.value(metrics.processCpuSeconds) - before).toBeGreaterThan(0.02);
  expect(registry.value(metrics.processCpuSeconds)).toBeCloseTo(process.cpuUsage().user / 1e6 + process.cpuUsage().system / 1e6, 0);
  expect(registry.value(metrics.processResidentBytes)).toBeGreaterThan(10_000_000);
});
