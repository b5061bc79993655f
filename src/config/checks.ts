import { parseEndpoint } from '../base/endpoint.ts';
import type { ThresherConfig } from './declaration.ts';
import type { Place } from './place.ts';

/** What must hold between options that are each valid by themselves. */
export function checkTogether(config: ThresherConfig, root: Place): void {
  if (config.seed !== null && config.sampling.hashKey !== null) root.at('seed').fail('give either seed or sampling.hash_key, since the one determines the other');
  checkListeners(config, root);
  checkRetries(config, root);
}

function checkListeners(config: ThresherConfig, root: Place): void {
  const listeners = [
    ...config.receivers.flatMap((receiver) => ('grpc' in receiver ? [{ endpoint: receiver.grpc.endpoint, path: ['receivers', receiver.id, 'grpc', 'endpoint'] }] : [])),
    { endpoint: config.http.endpoint, path: ['http', 'endpoint'] },
  ];
  const taken = new Map<string, string>();
  for (const { endpoint, path } of listeners) {
    const first = taken.get(endpoint);
    const place = path.reduce((at, key) => at.at(key), root);
    if (first === undefined) taken.set(endpoint, path.join('.'));
    else if (parseEndpoint(endpoint)?.port !== 0) place.fail(`${endpoint} is already taken by ${first}; choose another port`);
  }
}

function checkRetries(config: ThresherConfig, root: Place): void {
  for (const exporter of config.exporters) {
    if (exporter.type !== 'otap') continue;
    const at = root.at('exporters').at(exporter.id);
    const { initialIntervalMs, maxIntervalMs } = exporter.retry;
    if (initialIntervalMs > maxIntervalMs) at.at('retry_on_failure').at('initial_interval').fail('is longer than max_interval');
    const { certFile, keyFile, insecure, caFile } = exporter.tls;
    if ((certFile === null) !== (keyFile === null)) at.at('tls').fail('cert_file and key_file go together');
    if (insecure && (caFile ?? certFile) !== null) at.at('tls').at('insecure').fail('is true, so that the certificates named beside it would not be used');
  }
}
