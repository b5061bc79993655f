import { interval95, zScore } from '../audit/interval.ts';
import type { SampledSignal } from '../store/slot-plan.ts';
import { metrics } from '../telemetry/declared.ts';
import type { Logger } from '../telemetry/log.ts';
import type { MetricRegistry } from '../telemetry/metrics.ts';
import type { CertificateLine } from './certificate.ts';
import { alarmText, type CertificateTally } from './certificate-tally.ts';

/** Adds a window's certificate to the metrics, and logs what went wrong over the long run. Infinite z are shown as they are. */
export function countCertificate(
  registry: MetricRegistry, log: Logger, signal: SampledSignal, lines: readonly CertificateLine[], { touched, alarms }: ReturnType<CertificateTally['add']>,
): void {
  for (const line of lines) countLine(registry, signal, line);
  for (const sum of touched) registry.gauge(metrics.certificateZ).set(zScore(sum), { signal, policy: sum.policy, key: sum.key });
  for (const sum of alarms) {
    registry.counter(metrics.certificateAlarms).add(1, { signal, policy: sum.policy, direction: sum.verdict });
    log.warn(`certificate_${sum.verdict}`, alarmText(sum), { signal, policy: sum.policy, key: sum.key, truth: sum.truth, estimate: sum.estimate, z: zScore(sum) });
  }
}

function countLine(registry: MetricRegistry, signal: SampledSignal, line: CertificateLine): void {
  const labels = { signal, policy: line.policy, key: line.key };
  const [low, high] = interval95(line);
  registry.counter(metrics.certificateTruth).add(line.truth, labels);
  registry.counter(metrics.certificateEstimate).add(line.estimate, labels);
  registry.counter(metrics.certificateVariance).add(line.variance, labels);
  registry.gauge(metrics.certificateLow).set(low, labels);
  registry.gauge(metrics.certificateHigh).set(high, labels);
  registry.gauge(metrics.certificateWindowZ).set(zScore(line), labels);
}
