import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { packageVersion } from '../base/package-paths.ts';
import { metrics } from './declared.ts';
import type { MetricRegistry } from './metrics.ts';

/**
 * Registers which version runs since when, and what the process itself uses: resident memory, CPU time, delay of the
 * event loop. The latter are looked up when the registry is read. Returns a function that stops the measuring.
 */
export function registerProcessMetrics(registry: MetricRegistry): () => void {
  const delay = monitorEventLoopDelay({ resolution: 20 });
  delay.enable();
  registry.gauge(metrics.buildInfo).set(1, { version: packageVersion(), node: process.versions.node });
  registry.gauge(metrics.processStartTime).set(performance.timeOrigin / 1000);
  const cpuSeconds = registry.counter(metrics.processCpuSeconds).with();
  registry.onRead(() => {
    registry.gauge(metrics.processResidentBytes).set(process.memoryUsage.rss());
    registry.gauge(metrics.eventLoopDelaySeconds).set(delay.count === 0 ? 0 : delay.percentile(99) / 1e9);
    delay.reset();
    const { user, system } = process.cpuUsage();
    cpuSeconds.add(Math.max(0, (user + system) / 1e6 - cpuSeconds.value));
  });
  return () => delay.disable();
}
