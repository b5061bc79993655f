import { checkExporterSecurity } from './check-security.ts';
import type { ExporterConfig } from './components.ts';
import type { Place } from './place.ts';

/** What must hold of an exporter that sends over the network, or of how members of a balancer are sent to; `place` is its section. */
export function checkSender(exporter: Extract<ExporterConfig, { readonly tls: unknown }>, place: Place): void {
  const { initialIntervalMs, maxIntervalMs } = exporter.retry;
  if (initialIntervalMs > maxIntervalMs) place.at('retry_on_failure').at('initial_interval').fail('is longer than max_interval');
  checkExporterSecurity(exporter, place);
}
