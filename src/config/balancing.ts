import { list } from './collections.ts';
import { otapOptions, otlpOptions } from './exporter-options.ts';
import { duration, endpoint, filePath, integer, text } from './scalars.ts';
import { option, optional, required, section } from './section.ts';

const resolver = section('Where members are found: one of `static`, `file` and `dns`.', {
  static: optional('static', section('A list that stays.', {
    hostnames: required('hostnames', list(endpoint), 'Members, `host:port`. A member is known by this text, so all balancers must write it alike.'),
  }), 'A list that stays.'),
  file: optional('file', section('A file, read again when it changes.', {
    path: required('path', filePath, 'A file with a member, `host:port`, on each line; lines that begin with # are left out. What cannot be used is logged, and the members stay.'),
  }), 'A file that is watched.'),
  dns: optional('dns', section('All addresses of a name, looked up again and again: a headless Service of Kubernetes.', {
    hostname: required('hostname', text, 'The name.'),
    port: option('port', integer({ min: 1, max: 65_535 }), 4317, 'Port of all members.'),
    intervalMs: option('interval', duration({ min: 100 }), '5s', 'How often it is looked up. Where that fails, or nothing is found, the members stay.'),
  }), 'A name that is looked up.'),
}, { k8s: 'write dns, with the name of a headless Service', aws_cloud_map: 'write dns' });

const protocol = section('How members are sent to: one of `otlp` and `otap`. Options are those of these exporters; each member has a queue and connections of its own.', {
  otlp: optional('otlp', section('OTLP over gRPC.', otlpOptions, { endpoint: 'members are found by resolver', dead_letter: 'senders are told what was not delivered' }), 'OTLP over gRPC.'),
  otap: optional('otap', section('OTAP over gRPC.', otapOptions, { endpoint: 'members are found by resolver', dead_letter: 'senders are told what was not delivered' }), 'OTAP over gRPC.'),
});

export const loadBalancingExporter = section('Shares telemetry out to members, all spans and log records of a trace to the same one, metrics by turns. Under a pipeline with `mode: pass`. See docs/scaling.md.', {
  resolver: required('resolver', resolver, 'Where members are found.'),
  protocol: required('protocol', protocol, 'How members are sent to.'),
  handOverMs: option('hand_over', duration(), '60s', 'For how long after its last span a trace is sent to the member that had it, and a member that left the list still gets its own. At least `length` and `decision_wait` of the members\' windows, and the time on the way. 0s: nothing is remembered, and traces are torn when members change.'),
  tracesMax: option('traces_max', integer({ min: 2 }), 2_000_000, 'Traces of which that is remembered; beyond, the oldest are forgotten sooner, which is counted. 42 to 84 bytes each, and no more than fit into half of what is not DuckDB\'s of memory.limit.'),
  failoverAfterMs: option('failover_after', duration(), '3s', 'A member that has taken nothing for about this long is down: what it should have goes to others, until it answers again. One that hangs is noticed after `timeout` of its protocol. 0s: never.'),
}, { routing_key: 'it is the trace id, for logs too; metrics go by turns', routing_attributes: 'it is the trace id', sending_queue: 'write it under protocol', retry_on_failure: 'write it under protocol', timeout: 'write it under protocol' });
