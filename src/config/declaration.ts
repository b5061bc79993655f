import { exporters } from './components.ts';
import { head } from './head.ts';
import type { ValueOf } from './kind.ts';
import { pipelines } from './pipelines.ts';
import { policyFilePatterns } from './policy-files.ts';
import { receivers } from './receivers.ts';
import { duration, endpoint, filePath, flag, hexKey, integer, number, oneOf, size, sizeOr, text } from './scalars.ts';
import { option, optional, secret, section } from './section.ts';
import { listenerSecurity } from './security.ts';
import { stressRelief } from './stress-relief.ts';
import { shutdown } from './shutdown.ts';
import { durability, storage } from './storage.ts';

const windows = section('How long telemetry is held before it is decided.', {
  traces: option('traces', section('Traces belong to the window in which their first span arrived.', {
    lengthMs: option('length', duration({ min: 100 }), '10s', 'Length of a window.'),
    decisionWaitMs: option('decision_wait', duration(), '30s', 'A window is decided this long after its end, so that its traces are whole.'),
    decisionWaitAfterRootMs: optional('decision_wait_after_root', duration(), 'Traces whose root has come are decided this long after the end of their slot, those without at the end of decision_wait. Policies run twice on a window then. Not with linked.'),
    sessionGapMs: optional('session_gap', duration({ min: 1000 }), 'Traces are waited for while they grow: after decision_wait a trace is decided once no span of it has come for this long, its slot stays open for the others. Policies run again each time that some have ended. Not with linked, nor with decision_wait_after_root.'),
    sessionMaxMs: option('session_max', duration(), '5m', 'With session_gap: a trace is decided this long after the end of its slot, grow as it may. All spans of a slot stay until its last trace is decided.'),
    isAtOnce: option('decide_at_once', flag, false, 'Traces are decided as soon as their outcome can no longer change: a policy keeps them whatever else comes, as one WHERE has_error (`policy check` says which do). A look into each slot that has new spans, once a second at most. Not with linked.'),
    spansMax: optional('max_spans', integer({ min: 1 }), 'A trace that grows larger is decided early, on what is there, and marked (`sampling.partial`); what comes later follows. Not with linked.'),
    bytesMax: optional('max_bytes', size({ min: 1 }), 'The same by bytes as they came, of which each span has its share of its batch.'),
    unknownInput: option('unknown_input', oneOf('unknown', 'root', 'served'), 'unknown', 'What spans came with that say nothing, at receivers with `input_without_threshold: unknown`: nobody knows, or what the root of their trace says of its sampler (`jaeger.sampler.type` and `.param`, else `sampler.type` and `.param`), or that and, where it says nothing, the rate that `head` served to the root\'s service (`served`: only where all SDKs ask this process). Not with decisions before the window (decision_wait_after_root and the like).'),
    linked: option('linked', section('Traces of one window that are kept or dropped together, on the randomness of the one with the smallest id.', {
      spanLinks: option('span_links', flag, false, 'Traces that a span link of one points to in the other.'),
      sessionKey: optional('session_key', text, 'Traces whose spans have the same value of this attribute, for example `session.id`.'),
    }), {}, 'Groups of traces. Without them nothing is looked for.'),
  }), {}, 'Traces.'),
  logs: option('logs', section('Log records belong to the window of their arrival.', {
    lengthMs: option('length', duration({ min: 100 }), '60s', 'Length of a window.'),
    randomness: option('randomness', oneOf('trace', 'record'), 'trace', 'Whose randomness a record has: its trace\'s, so that the records of a trace are kept or dropped together, or its own, drawn by a keyed hash and written as `sampling.randomness`. All Threshers in a row should say the same.'),
  }), {}, 'Logs.'),
}, { metrics: 'metrics pass through; see metrics.pass_through' });

const policy = section('How policies run, and what happens when they cannot.', {
  deadlineMs: option('deadline', duration({ min: 10 }), '10s', 'A window whose policies have not answered by then is decided by the fallback.'),
  fallback: option('fallback', section('Decides windows whose policy failed or was late.', {
    probability: option('probability', number({ min: 0, max: 1 }), 1, 'Each item is kept with this probability, and its count says so: 1 keeps all, 0 drops all.'),
  }), {}, 'The fallback.'),
  combine: option('combine', oneOf('union', 'first_match'), 'union',
    'How policies that keep come together: an item gets the greatest probability that any gives it, or that of the first policy, in the order of `policies`, that names it.'),
  signalsWithoutPolicy: option('signals_without_policy', oneOf('keep', 'drop'), 'keep',
    'What becomes of traces, or logs, where no enforce policy is for them: all are kept (but for what drop policies say), or none.'),
  rowsMax: option('rows_max', integer({ min: 1 }), 10_000_000, 'Rows that one policy may return for one window; more make it fail.'),
  reload: option('reload', oneOf('auto', 'signal', 'off'), 'auto', 'When changed policy files take the place of those that run: `auto` as soon as they change, `signal` on SIGHUP or POST /-/reload alone, `off` never. Files that cannot be used are refused, and the old ones stay.'),
});

const decisionCache = section('What is remembered of decided traces, for spans that come late.', {
  keptMax: option('kept_max', integer({ min: 0 }), 500_000, 'Kept traces that are remembered, each with its threshold.'),
  droppedMax: option('dropped_max', integer({ min: 0 }), 2_000_000, 'Dropped traces that are remembered.'),
  horizonMs: optional('horizon', duration({ min: 1000 }), 'How long decisions are remembered, kept and dropped alike; by default 10m, or the length of a window and its wait where that is longer. Where more decisions are made in that time than the two numbers above come to, the oldest are forgotten sooner.'),
});

const lateSpans = section('Spans that come after their trace was decided follow the decision, as long as it is remembered.', {
  pastHorizon: option('past_horizon', oneOf('policy', 'fallback', 'drop'), 'policy',
    'What becomes of a span of an unknown trace that began before what is remembered: the policies decide on what is there, as on a new trace, and it is marked (`sampling.partial`); its trace is kept with the probability below; or it is dropped.'),
  probability: option('probability', number({ min: 0, max: 1 }), 1, 'With `past_horizon: fallback` such a trace is kept with this probability.'),
});

const certificate = section('Each window holds what the output says against what came, as metrics and alarms.', {
  enabled: option('enabled', flag, true, 'Publish truth, estimate, interval and z of every window, for all policies together and each.'),
  services: option('services', flag, false, 'Also by service.name. About 1.2 microseconds a span.'),
});

const output = section('What kept items say beside their sampling.', {
  policyAttribute: option('policy_attribute', flag, false,
    'Write attribute `sampling.policy` on each kept item: the names of the policies that kept it, comma separated; `fallback` where one failed.'),
});

/** Every option of the configuration file. The typed configuration, JSON Schema and docs/config.md derive from it. */
export const declaration = section('The whole configuration is one YAML file.', {
  receivers: option('receivers', receivers, {}, 'Where telemetry comes in.'),
  windows: option('windows', windows, {}, 'Windows.'),
  policies: option('policies', policyFilePatterns, [],
    'The SQL files to run, as paths or globs from the working directory; `package:sql/policies/NAME.sql` is one that comes with Thresher.'),
  policy: option('policy', policy, {}, 'Running policies.'),
  output: option('output', output, {}, 'What leaves.'),
  certificate: option('certificate', certificate, {}, 'The certificate.'),
  memory: option('memory', section('Bounds of memory.', {
    limit: option('limit', sizeOr('auto', { min: 2 ** 20 }), 'auto', 'All that is held: retained batches, DuckDB\'s tables and queries, caches, queues, requests under way. At the limit senders are told to come again (RESOURCE_EXHAUSTED, 429). `auto` is a third of what the container or systemd unit may use above 256 MiB, and a sixth of that where only the machine is the limit.'),
    softLimit: option('soft_limit', number({ min: 0.1, max: 1 }), 0.8, 'At this part of the limit windows are decided before they are due, the earliest first; what is kept of them has `sampling.partial`: `memory`. 1: never.'),
    duckdbShare: option('duckdb_share', number({ min: 0.1, max: 0.9 }), 0.5, 'The part of the limit that is DuckDB\'s: tables of open windows, and queries. More where policies read many columns or their queries need much.'),
    retain: option('retain', oneOf('memory', 'disk'), 'memory', 'Where batches wait for the decision on their items. `disk`: in files under storage.directory, or with durability in its log, up to storage.limit; what is kept of them is read back. For windows that are larger than memory, with spill_dir.'),
    spillDir: optional('spill_dir', filePath, 'A directory of this process alone, where DuckDB may put what does not fit into its memory. Without it such queries fail, and the fallback decides their window. Its folder `duckdb` is emptied at the start.'),
    spillLimit: option('spill_limit', size({ min: 2 ** 20 }), '4GiB', 'Most that is put there.'),
  }), {}, 'Memory.'),
  durability,
  storage: option('storage', storage, {}, 'The log on the disk.'),
  decisionCache: option('decision_cache', decisionCache, {}, 'The decision cache.'),
  lateSpans: option('late_spans', lateSpans, {}, 'Late spans.'),
  stressRelief: option('stress_relief', stressRelief, {}, 'Stress relief.'),
  metrics: option('metrics', section('Metrics as a signal.', {
    passThrough: option('pass_through', flag, true, 'Send metrics on unsampled. If false, their senders are answered with UNIMPLEMENTED.'),
  }), {}, 'Metrics as a signal.'),
  sampling: option('sampling', section('Randomness of items that bring none.', {
    hashKey: secret('hash_key', hexKey(16), 'Key of the hash that gives such items their randomness, 32 hexadecimal digits; without one, the ASCII bytes of thresher-hash-01. Replicas must share it.'),
  }), {}, 'Sampling.'),
  seed: optional('seed', integer({ min: 0, max: 2 ** 32 - 1 }), 'Makes a replay decide the same each time: `sampling.hash_key` is derived from it.'),
  exporters: option('exporters', exporters, {}, 'Where kept telemetry goes.'),
  shutdown: option('shutdown', shutdown, {}, 'The end.'),
  pipelines: optional('pipelines', pipelines, 'Which signal, and which of kept and dropped, goes where.'),
  head: optional('head', head, 'Head sampling; off where it is not written.'),
  http: option('http', section('Health (`/healthz`, `/readyz`) and Prometheus metrics (`/metrics`).', {
    endpoint: option('endpoint', endpoint, '127.0.0.1:13133', 'Where to listen.'),
    ...listenerSecurity,
  }), {}, 'The HTTP server.'),
  logs: option('logs', section('Our own log, on standard error.', {
    level: option('level', oneOf('debug', 'info', 'warn', 'error'), 'info', 'Least level that is written.'),
    format: option('format', oneOf('auto', 'json', 'text'), 'auto', 'One JSON object a line, or text for people; `auto` is text on a terminal.'),
    linesMax: option('lines_max', integer({ min: 1 }), 10, 'Lines of one reason in ten seconds; further ones are counted.'),
  }), {}, 'Our own log.'),
}, { service: 'write pipelines at the top, or leave them out: then every receiver feeds the windows, and every exporter gets what is kept', processors: 'write policies, windows and policy' });

/** A valid configuration: camelCase names with units, every default filled in; policies are absolute, and files that exist; other paths stand as written. */
export type ThresherConfig = ValueOf<typeof declaration>;
