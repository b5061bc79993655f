import { list } from './collections.ts';
import type { ValueOf } from './kind.ts';
import { policyFile } from './policy-files.ts';
import { duration, endpoint, filePath, flag, integer, number } from './scalars.ts';
import { option, optional, section } from './section.ts';
import { listenerSecurity } from './security.ts';

const http = section('Jaeger remote sampling over HTTP: `/sampling?service=NAME`, also `/api/sampling` and `/`. Beside it `/head`, what is served and why, and `/policies`.', {
  endpoint: option('endpoint', endpoint, '127.0.0.1:5778', 'Where to listen.'),
  ...listenerSecurity,
});

const grpc = section('The same over gRPC: `jaeger.api_v2.SamplingManager`.', {
  enabled: option('enabled', flag, true, 'Whether to listen.'),
  endpoint: option('endpoint', endpoint, '127.0.0.1:14250', 'Where to listen.'),
  moreEndpoints: option('more_endpoints', list(endpoint), ['127.0.0.1:5779'], 'Further addresses, with the same TLS and tokens: clients differ in their default port.'),
  ...listenerSecurity,
});

/** Options of the head-sampling service (src/head). */
export const head = section('Tells SDKs which share of their traces is needed, in the protocol of Jaeger\'s remote samplers. Without this section nothing listens, and nothing is counted for it.', {
  http: option('http', http, {}, 'HTTP.'),
  grpc: option('grpc', grpc, {}, 'gRPC.'),
  policy: option('policy', policyFile, 'package:sql/head/default.sql', 'The SQL file that makes rates of what the tail saw (head.md).'),
  defaultRate: option('default_rate', number({ min: 0, max: 1 }), 1, 'The rate of a service of which nothing came yet.'),
  floor: option('floor', number({ min: 0, max: 1 }), 0.001, 'Least rate of any service and operation.'),
  floorTracesPerSecond: option('floor_traces_per_second', number({ min: 0 }), 1, 'So many traces a second of each service and operation are let pass at least, so that rare ones are seen.'),
  margin: option('margin', number({ min: 1, max: 1000 }), 2, 'So many times the greatest probability that the policies gave a trace of the service lately.'),
  changeMax: option('change_max', number({ min: 1.01, max: 1e6 }), 4, 'A rate grows or falls by this factor at most, from one window to the next.'),
  hysteresis: option('hysteresis', number({ min: 0, max: 10 }), 0.1, 'A rate stays until the wanted one differs by more than this part of it.'),
  lookbackMs: option('lookback', duration({ min: 100 }), '60s', 'How far back "lately" goes.'),
  pollIntervalMs: option('poll_interval', duration({ min: 100 }), '60s', 'How often the SDKs ask. For twice as long after a change nobody knows which rate they sample with.'),
  servicesMax: option('services_max', integer({ min: 1, max: 10_000 }), 1000, 'Services that are told apart. Further ones take the place of those that were not seen for longest.'),
  stateFile: optional('state_file', filePath, 'Where rates outlive the process; by default `head-state.json` in `storage.directory`, with durability. Without either each start begins with `default_rate`.'),
}, { endpoint: 'write http: { endpoint: HOST:PORT }, or grpc', strategies: 'rates follow from what the policies keep; see policy, default_rate and floor' });

/** What `head` reads to. */
export type HeadConfig = ValueOf<typeof head>;
