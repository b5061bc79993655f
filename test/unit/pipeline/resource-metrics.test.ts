import { expect, test } from 'vitest';
import { memoryParts } from '../../../src/pipeline/memory-budget.ts';
import { registerResourceMetrics } from '../../../src/pipeline/resource-metrics.ts';
import { MetricRegistry } from '../../../src/telemetry/metrics.ts';

test('what is held, what waits and how late windows are is looked up at each reading', () => {
  const registry = new MetricRegistry();
  const memory = { heldBytes: 10, limitBytes: 100, fullness: 0.25, heldBy: (part: string) => (part === 'tables' ? memory.heldBytes : 0) };
  const queue = { name: 'otlp/a', queuedBytes: 7, bytesMax: 70 };
  const lag = { traces: 0, logs: 2500 };
  registerResourceMetrics(registry, () => ({ memory, grantedBytes: 1000, queues: [queue], lagMs: (signal) => lag[signal], stress: { probability: 0.25, pressures: new Map([['windows', 1.5]]) } }));
  const read = (): string[] => registry.text().split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  expect(read()).toEqual([
    'thresher_export_queue_bytes{exporter="otlp/a"} 7', 'thresher_export_queue_capacity_bytes{exporter="otlp/a"} 70',
    'thresher_memory_fullness_ratio 0.25', 'thresher_memory_granted_bytes 1000', 'thresher_memory_held_bytes 10', 'thresher_memory_limit_bytes 100',
    ...memoryParts.map((part) => `thresher_memory_part_bytes{part="${part}"} ${part === 'tables' ? 10 : 0}`),
    'thresher_stress_pressure{source="windows"} 1.5', 'thresher_stress_probability 0.25',
    'thresher_window_lag_seconds{signal="traces"} 0', 'thresher_window_lag_seconds{signal="logs"} 2.5']);
  memory.heldBytes = 99;
  queue.queuedBytes = 70;
  lag.traces = 31_000;
  expect(read()).toEqual(expect.arrayContaining(['thresher_memory_held_bytes 99', 'thresher_export_queue_bytes{exporter="otlp/a"} 70', 'thresher_window_lag_seconds{signal="traces"} 31']));
});
