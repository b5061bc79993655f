import { parseEndpoint } from '../base/endpoint.ts';
import { formatDurationMs } from '../base/units.ts';
import { checkBalancing } from './check-balancing.ts';
import { checkPipelines } from './check-pipelines.ts';
import { checkListenerSecurity } from './check-security.ts';
import { checkSender } from './check-sender.ts';
import type { ThresherConfig } from './declaration.ts';
import { longestWaitMs } from './longest-wait.ts';
import type { Place } from './place.ts';
import type { ReceiverConfig } from './receivers.ts';
import type { ListenerSecurity } from './security.ts';

/** What must hold between options that are each valid by themselves. */
export function checkTogether(config: ThresherConfig, root: Place): void {
  if (config.seed !== null && config.sampling.hashKey !== null) root.at('seed').fail('give either seed or sampling.hash_key, since the one determines the other');
  checkHorizon(config, root);
  checkEarly(config, root);
  checkListeners(config, root);
  checkSenders(config, root);
  checkPipelines(config, root);
  checkBalancing(config, root);
  if (config.head !== null && (config.windows.traces.linked.spanLinks || config.windows.traces.linked.sessionKey !== null)) root.at('head').fail('cannot go with windows.traces.linked: whether a trace is kept hangs on others, which its sender does not know');
  for (const exporter of config.exporters) {
    if (exporter.type !== 'otap_file' || exporter.bytesMax === null || exporter.path.includes('{time}')) continue;
    root.at('exporters').at(exporter.id).at('max_size').fail('needs {time} in the path, or the next file would replace the one before');
  }
}

/** A decision that is forgotten before the next window with the same traces is decided would be no memory. */
function checkHorizon({ decisionCache, windows }: ThresherConfig, root: Place): void {
  const leastMs = windows.traces.lengthMs + longestWaitMs(windows.traces);
  if (decisionCache.horizonMs !== null && decisionCache.horizonMs < leastMs) {
    root.at('decision_cache').at('horizon').fail(`is shorter than windows.traces.length and ${windows.traces.sessionGapMs === null ? 'decision_wait' : 'session_max'} together; write at least ${formatDurationMs(leastMs)}, or leave it out`);
  }
}

/** Traces are decided early one by one. */
function checkEarly({ head, receivers, windows: { traces } }: ThresherConfig, root: Place): void {
  const at = root.at('windows').at('traces');
  const { decisionWaitAfterRootMs: afterRootMs, decisionWaitMs, sessionGapMs, sessionMaxMs, linked, unknownInput } = traces;
  if (afterRootMs !== null && afterRootMs >= decisionWaitMs) at.at('decision_wait_after_root').fail('is not shorter than decision_wait, so that it would decide nothing');
  if (sessionGapMs !== null && afterRootMs !== null) at.at('session_gap').fail('cannot go with decision_wait_after_root, which does not wait for traces whose root is there; leave one of them out');
  if (sessionGapMs !== null && sessionMaxMs <= decisionWaitMs) at.at('session_max').fail('is not longer than decision_wait, so that no trace would be waited for');
  const takesUnknown = receivers.some((receiver) => receiver.inputWithoutThreshold === 'unknown');
  if (unknownInput !== 'unknown' && !takesUnknown) at.at('unknown_input').fail('does nothing without a receiver that takes what says nothing for unknown; write input_without_threshold: unknown there');
  if (unknownInput === 'served' && head === null) at.at('unknown_input').fail('needs the section head, which serves the rates; write head: {}');
  const isLinked = linked.spanLinks || linked.sessionKey !== null;
  for (const [key, value] of [['decision_wait_after_root', afterRootMs], ['session_gap', sessionGapMs], ['decide_at_once', traces.isAtOnce], ['max_spans', traces.spansMax], ['max_bytes', traces.bytesMax]] as const) {
    if (value !== null && value !== false && isLinked) at.at(key).fail('cannot go with windows.traces.linked: traces that are decided together wait for their window');
    if (value !== null && value !== false && unknownInput !== 'unknown') at.at(key).fail('cannot go with windows.traces.unknown_input, since the root may be yet to come; leave one of them out');
  }
}

function checkListeners(config: ThresherConfig, root: Place): void {
  const listeners = [
    ...config.receivers.flatMap(listenersOf),
    { listener: config.http, path: ['http'] },
    ...headListeners(config),
  ];
  const taken = new Map<string, string>();
  for (const { listener, path } of listeners) {
    const { endpoint } = listener;
    const first = taken.get(endpoint);
    const at = path.reduce((outer, key) => outer.at(key), root);
    checkListenerSecurity(listener, at);
    const place = at.at('endpoint');
    if (first === undefined) taken.set(endpoint, place.path.join('.'));
    else if (parseEndpoint(endpoint)?.port !== 0) place.fail(`${endpoint} is already taken by ${first}; choose another port`);
  }
}

function listenersOf(receiver: ReceiverConfig): { readonly listener: ListenerSecurity & { readonly endpoint: string }; readonly path: readonly string[] }[] {
  const at = (key: string): readonly string[] => ['receivers', receiver.id, key];
  return [
    ...('grpc' in receiver && receiver.grpc !== null ? [{ listener: receiver.grpc, path: at('grpc') }] : []),
    ...('http' in receiver && receiver.http !== null ? [{ listener: receiver.http, path: at('http') }] : []),
  ];
}

function headListeners({ head }: ThresherConfig): { readonly listener: ListenerSecurity & { readonly endpoint: string }; readonly path: readonly string[] }[] {
  if (head === null) return [];
  const { grpc, http } = head;
  const endpoints = grpc.enabled ? [grpc.endpoint, ...grpc.moreEndpoints] : [];
  return [{ listener: http, path: ['head', 'http'] }, ...endpoints.map((endpoint) => ({ listener: { ...grpc, endpoint }, path: ['head', 'grpc'] }))];
}

function checkSenders(config: ThresherConfig, root: Place): void {
  for (const exporter of config.exporters) if ('tls' in exporter) checkSender(exporter, root.at('exporters').at(exporter.id));
}
