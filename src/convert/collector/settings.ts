import { formatDurationMs } from '../../base/units.ts';
import type { Findings } from '../finding.ts';
import type { Written } from '../written.ts';

/** What of our configuration follows from a `tail_sampling` processor. */
export interface Settings {
  readonly windowMs: number;
  readonly decisionWaitMs: number;
  /** Null where traces do not go sooner for their root. */
  readonly afterRootMs: number | null;
  readonly keptMax: number | null;
  readonly droppedMax: number | null;
  /** Bytes that a trace may have; null without limit. */
  readonly traceBytesMax: number | null;
}

const windowMsMax = 10_000;

/** Reads all settings but `policies`, and says of each that has no equal what takes its place. Throws NoEqual. */
export function settingsOf(processor: Written, findings: Findings): Settings {
  const decisionWaitMs = processor.durationMs('decision_wait', 30_000);
  const cache = processor.section('decision_cache');
  const kept = cache.whole('sampled_cache_size');
  const dropped = cache.whole('non_sampled_cache_size');
  cache.reportUnread(findings);
  const traceBytesMax = processor.whole('maximum_trace_size_bytes');
  const afterRootMs = processor.durationMs('decision_wait_after_root_received', 0);
  const isSooner = afterRootMs > 0 && afterRootMs < decisionWaitMs;
  sayWhatIsElse(processor, findings);
  return {
    windowMs: Math.min(windowMsMax, Math.max(1000, decisionWaitMs)),
    decisionWaitMs,
    afterRootMs: isSooner ? afterRootMs : null,
    keptMax: kept > 0 ? kept : null,
    droppedMax: dropped > 0 ? dropped : null,
    traceBytesMax: traceBytesMax > 0 ? traceBytesMax : null,
  };
}

function sayWhatIsElse(processor: Written, findings: Findings): void {
  const say = (key: string, severity: 'warning' | 'note', message: string): void => {
    if (processor.has(key)) findings[severity](`${processor.place}.${key}`, message);
  };
  const isSet = (key: string): boolean => processor.has(key) && processor.flag(key);
  say('num_traces', 'warning', `is not a number of traces here but of bytes (memory.limit, 1GiB by default); ${isSet('block_on_overflow') ? 'senders wait at the limit, as with block_on_overflow' : 'at the limit senders are told to come again, and no trace is thrown away'}`);
  processor.whole('num_traces');
  processor.flag('block_on_overflow');
  say('expected_new_traces_per_sec', 'note', 'is not needed: memory grows with what comes');
  processor.whole('expected_new_traces_per_sec');
  say('num_shards', 'note', 'is not needed: a window is decided as a whole');
  processor.whole('num_shards', 1);
  say('sample_on_first_match', 'note', 'only saves time in the Collector, and is not needed: the policies of a window are evaluated together');
  processor.flag('sample_on_first_match');
  say('decision_wait_after_root_received', 'note', 'is counted from the end of the window that the trace began in, for all traces whose root has come by then');
  if (isSet('drop_pending_traces_on_shutdown')) findings.warning(`${processor.place}.drop_pending_traces_on_shutdown`, 'has no equal: what waits at the end is decided and sent');
  processor.flag('drop_pending_traces_on_shutdown');
  if (processor.text('sampling_strategy', 'trace-complete') !== 'trace-complete') {
    findings.warning(`${processor.place}.sampling_strategy`, 'span-ingest has no equal: whole traces are decided, so a drop policy sees all spans before anything is sent');
  }
  say('tail_storage', 'warning', 'has no equal: traces wait in memory, as they came, compressed');
  processor.raw('tail_storage');
}

/** A configuration that runs the policies beside it. It has what the processor says; receivers and exporters are to be filled in. */
export function configText(settings: Settings, source: string, place: string, policies: readonly string[]): string {
  const { windowMs, decisionWaitMs, afterRootMs, keptMax, droppedMax } = settings;
  return `${[
    `# Converted from ${source}, ${place}. Run it in this folder: paths start from the working directory.`,
    'receivers:',
    '  otlp: { grpc: {} } # 127.0.0.1:4317',
    '',
    '# Where kept items go. The debug exporter counts them; put yours in its place.',
    'exporters:',
    '  debug: {}',
    '',
    'windows:',
    '  traces:',
    `    length: ${formatDurationMs(windowMs)} # budgets of the policies are for a window of this length`,
    `    decision_wait: ${formatDurationMs(decisionWaitMs)} # from the end of the window, so a trace waits up to ${formatDurationMs(windowMs + decisionWaitMs)}`,
    ...(afterRootMs === null ? [] : [`    decision_wait_after_root: ${formatDurationMs(afterRootMs)} # from the end of the window too`]),
    '',
    ...(policies.length === 0 ? ['policies: []'] : ['policies:', ...policies.map((file) => `  - ${file}`)]),
    ...(keptMax === null && droppedMax === null ? [] : [
      '',
      'decision_cache:',
      ...(keptMax === null ? [] : [`  kept_max: ${keptMax}`]),
      ...(droppedMax === null ? [] : [`  dropped_max: ${droppedMax}`]),
    ]),
    '',
    '# No policy is for logs: keep passes them on.',
    'policy:',
    '  signals_without_policy: keep',
  ].join('\n')}\n`;
}
