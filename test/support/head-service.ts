import { realSeam } from '../../src/base/seam.ts';
import type { HeadUpdate } from '../../src/head/controller.ts';
import type { OperationRate } from '../../src/head/strategy.ts';
import { HeadThread } from '../../src/http/head/thread.ts';
import { silentLogger } from '../../src/telemetry/log.ts';
import { MetricRegistry } from '../../src/telemetry/metrics.ts';

/** The head-sampling service on free ports, with rates that the test sets. */
export interface HeadService {
  /** `host:port` of HTTP, and of each gRPC listener. */
  readonly http: string;
  readonly grpc: readonly string[];
  readonly registry: MetricRegistry;
  /** From now on a service is told this. Resolves when the service answers so. */
  set(service: string, rate: number, operations?: readonly OperationRate[]): Promise<void>;
  close(): Promise<void>;
}

/** Starts it; services of which nothing is set are told `defaultRate`. */
export async function startHeadService(defaultRate = 1): Promise<HeadService> {
  const empty: HeadUpdate = { atNano: 0n, defaultRate, strategies: [], removed: [], summaries: [] };
  const listener = { endpoint: '127.0.0.1:0', tls: null, auth: null, insecure: false };
  const registry = new MetricRegistry();
  const thread = new HeadThread({ http: listener, grpc: { ...listener, enabled: true, moreEndpoints: [] } }, { seam: realSeam(), log: silentLogger, registry, snapshot: () => empty });
  await thread.start();
  return {
    ...thread.addresses, registry,
    set: async (service, rate, operations = []) => {
      thread.update({ ...empty, strategies: [{ service, rate, reason: 'set by a test', changedNano: 1n, operations }] });
      // Messages arrive in order, so an answer that says it means that all before it are in.
      for (let tries = 0; tries < 500; tries++) {
        const answer = await fetch(`http://${thread.addresses.http}/sampling?service=${encodeURIComponent(service)}`);
        const body: unknown = await answer.json();
        const told = typeof body === 'object' && body !== null && 'probabilisticSampling' in body ? JSON.stringify(body.probabilisticSampling) : '';
        if (answer.headers.get('thresher-head-reason') === 'set by a test' && told === JSON.stringify({ samplingRate: rate })) return;
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      throw new Error(`the service never answered ${rate} to ${service}`);
    },
    close: () => thread.close(),
  };
}
