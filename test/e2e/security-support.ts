import { startApp, type App } from '../../src/app.ts';
import { realSeam } from '../../src/base/seam.ts';
import { parseConfig } from '../../src/config/load.ts';
import { metrics } from '../../src/telemetry/declared.ts';
import { createLogger } from '../../src/telemetry/log.ts';
import type { MetricDefinition } from '../../src/telemetry/metrics.ts';

/** A processor in this process, as a configuration makes it. */
export interface SecureApp {
  readonly app: App;
  readonly grpcPort: number;
  readonly otlpHttpPort: number;
  readonly httpPort: number;
  readonly logged: readonly string[];
  /** Items that were accepted. */
  received(): number;
  /** The values of a metric by one of its labels, summed over the others; of one listener where it is given. */
  by(metric: MetricDefinition, label: string, listener?: string): Readonly<Record<string, number>>;
}

/** Starts a processor that keeps what comes until the end; `yaml` has receivers and http. */
export async function startSecureApp(yaml: string): Promise<SecureApp> {
  const text = `${yaml}\npolicies: package:sql/policies/errors_and_slow.sql\nexporters: { debug: {} }\nwindows: { traces: { length: 1h } }\nmemory: { limit: 512MiB }`;
  const logged: string[] = [];
  const log = createLogger({ seam: realSeam(), level: 'debug', format: 'json', write: (line) => logged.push(line), linesMax: 10_000 });
  const app = await startApp(parseConfig({ text, name: 'test', environment: {}, directory: '/' }), log);
  const port = (address: string | undefined): number => Number(address?.split(':').at(-1) ?? 0);
  const by = (metric: MetricDefinition, label: string, listener = ''): Record<string, number> => {
    const sums: Record<string, number> = {};
    for (const line of app.registry.text().split('\n').filter((one) => one.startsWith(`${metric.name}{`) && one.includes(listener))) {
      const value = new RegExp(`${label}="([^"]*)"`).exec(line)?.[1] ?? '';
      sums[value] = (sums[value] ?? 0) + Number(line.slice(line.lastIndexOf(' ') + 1));
    }
    return sums;
  };
  return {
    app, logged, by, grpcPort: port(app.addresses.grpc[0]), otlpHttpPort: port(app.addresses.otlpHttp[0]), httpPort: port(app.addresses.http),
    received: () => Object.values(by(metrics.itemsReceived, 'signal')).reduce((sum, n) => sum + n, 0),
  };
}

/** What `after` has more than `before`. */
export function grown(before: Readonly<Record<string, number>>, after: Readonly<Record<string, number>>): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(after).map(([key, n]): [string, number] => [key, n - (before[key] ?? 0)]).filter(([, n]) => n !== 0));
}
