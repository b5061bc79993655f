import { statSync } from 'node:fs';
import { setImmediate as turnOfOthers } from 'node:timers/promises';
import { seamOf } from '../authoring/pipeline-run.ts';
import { CodedError } from '../base/errors.ts';
import { filePath, flag, integer, oneOf, size } from '../config/scalars.ts';
import { policyFiles } from '../config/policy-files.ts';
import { option, optional, required } from '../config/section.ts';
import { OtapFileExporter } from '../exporters/otap-file.ts';
import { CaptureReader, signalOfMessage } from '../otap/capture-file.ts';
import type { Signal } from '../otap/payload-type.ts';
import { CountingSink } from '../pipeline/counting-sink.ts';
import type { OtapIntakeStream } from '../pipeline/intake-port.ts';
import { readsKeptTraces } from '../pipeline/kept-traces.ts';
import { Processor } from '../pipeline/processor.ts';
import type { CompiledPolicy } from '../policy/compile/compiled.ts';
import { TallyObserver } from '../pipeline/tally.ts';
import { openPolicies, readPolicyTexts } from '../policies.ts';
import { probabilityOf } from '../sampling/probability.ts';
import type { WithoutThreshold } from '../store/retained-batch.ts';
import { UsageError } from './arguments.ts';
import { defineCommand, exitCodes, type CommandIo } from './command.ts';
import { placed } from './placed-error.ts';
import { ProgressBar } from './progress-bar.ts';
import { replaySummary } from './replay-summary.ts';
import { runOptions } from './run-options.ts';

export const replay = defineCommand({
  name: 'replay',
  summary: 'Run policies over a capture file, by the items\' own time',
  text: 'Runs the whole pipeline offline, as fast as it can. The same input, policies and seed give the same output.',
  options: {
    input: required('input', filePath, 'Capture file to read: repeated [uvarint length][BatchArrowRecords].'),
    policies: required('policy', policyFiles, 'Policy to run, a file with one SELECT.'),
    output: optional('output', filePath, 'Capture file to write what is kept to; it is replaced.'),
    ...runOptions,
    unknownInput: option('unknown_input', oneOf('unknown', 'root'), 'unknown', 'What spans came with that say nothing, with --input-without-threshold unknown: nobody knows, or what their trace\'s root says of its sampler.'),
    logRandomness: option('log_randomness', oneOf('trace', 'record'), 'trace', 'Whose randomness a log record has: its trace\'s, or its own.'),
    combine: option('combine', oneOf('union', 'first_match'), 'union', 'How policies that keep come together: the greatest probability, or that of the first --policy that names an item.'),
    policyAttribute: option('policy_attribute', flag, false, 'Write on each kept item which policies kept it (sampling.policy).'),
    certificate: option('certificate', flag, true, 'Hold estimates against the truth in every window, by policy and service.'),
    memoryBytes: option('memory_limit', size({ min: 2 ** 26 }), '8GiB', 'Bytes that open windows may hold.'),
    batchRows: option('max_batch_rows', integer({ min: 1, max: 65_535 }), 8192, 'Spans or log records of one written batch at most.'),
  },
  examples: ['thresher replay --input traffic.otap --policy sql/policies/errors_and_slow.sql --window 10s --output kept.otap'],
  run: async (options, io) => {
    const summary = await run(options, io);
    io.stdout.write(summary);
    return exitCodes.ok;
  },
});

const serviceName = { source: 'resource', key: 'service.name', type: 'VARCHAR' } as const;

interface ReplayOptions {
  readonly input: string;
  readonly policies: readonly string[];
  readonly output: string | null;
  readonly windowMs: number;
  readonly decisionWaitMs: number;
  readonly seed: number | null;
  readonly inputWithoutThreshold: 'unsampled' | 'unknown';
  readonly unknownInput: 'unknown' | 'root';
  readonly logRandomness: 'trace' | 'record';
  readonly fallback: number;
  readonly combine: 'union' | 'first_match';
  readonly policyAttribute: boolean;
  readonly certificate: boolean;
  readonly deadlineMs: number;
  readonly memoryBytes: number;
  readonly batchRows: number;
}

async function run(options: ReplayOptions, io: CommandIo): Promise<string> {
  if (options.output !== null && isSameFile(options.input, options.output)) throw new UsageError(['--output: would replace the file that --input reads']);
  const reader = new CaptureReader(options.input);
  const seam = seamOf(options);
  const startMs = seam.monotonicMs();
  const compiled = await openPolicies(readPolicyTexts(options.policies));
  checkSignals(compiled.policies);
  const observer = new TallyObserver();
  const sink = new CountingSink(options.output === null ? null : new OtapFileExporter({
    name: 'otap_file', path: options.output, isSingle: true, encode: { bodyCompression: 'zstd', zstdLevel: 3 },
    onExported: (_signal, _items, bytes) => { sink.bytes += bytes; },
  }));
  const processor = await Processor.open({
    seam, time: 'event',
    windows: { tracesLengthMs: options.windowMs, tracesWaitMs: options.decisionWaitMs, logsLengthMs: options.windowMs, rootSays: options.unknownInput === 'root' ? { served: null } : null },
    policies: compiled.policies, setupSql: compiled.setupSql,
    limits: { deadlineMs: options.deadlineMs, rowsMax: 100_000_000 },
    fallback: { n: probabilityOf(options.fallback) },
    combine: options.combine, hasPolicyAttribute: options.policyAttribute,
    memoryLimitBytes: options.memoryBytes, decisionsMax: 2_000_000, batchRowsMax: options.batchRows,
    decodeLimits: {}, sinks: [sink], extraKeys: options.certificate ? [serviceName] : [], observer,
    logRandomness: options.logRandomness,
    ...(options.certificate ? { certificate: { services: true, policies: true } } : {}),
  });
  const progress = new ProgressBar(io.stderr, seam);
  try {
    await feed(reader, processor, progress, { signals: compiled.policies.map((policy) => policy.signal), withoutThreshold: options.inputWithoutThreshold }, io);
    await processor.drain();
    await sink.drain(0);
    progress.end();
  } finally {
    processor.close();
    reader.close();
  }
  if (observer.lostItems > 0) throw new CodedError('ABORTED', 'output_incomplete', `${options.output}: ${observer.firstError ?? 'not written'}`);
  if (observer.firstError !== null) io.stderr.write(`thresher: ${observer.firstError}\n`);
  return replaySummary({ observer, bytesIn: reader.offset, bytesOut: sink.bytes, seconds: (seam.monotonicMs() - startMs) / 1000 });
}

/** A capture file holds one signal, so nothing is known of the other. */
function checkSignals(policies: readonly CompiledPolicy[]): void {
  const reader = policies.find(readsKeptTraces);
  if (reader !== undefined) throw new UsageError([`--policy: ${reader.name} reads kept_traces, and a capture file of logs has no traces; try it with "thresher policy test"`]);
}

function isSameFile(a: string, b: string): boolean {
  const [one, other] = [a, b].map((path) => statSync(path, { throwIfNoEntry: false }));
  return one !== undefined && other !== undefined && one.ino === other.ino && one.dev === other.dev;
}

async function feed(
  reader: CaptureReader, processor: Processor, progress: ProgressBar,
  input: { readonly signals: readonly Signal[]; readonly withoutThreshold: WithoutThreshold }, io: CommandIo,
): Promise<void> {
  let stream: OtapIntakeStream | null = null;
  for (let bytes = reader.next(); bytes !== null && !io.signal.aborted; bytes = reader.next()) {
    stream ??= processor.intake.open(signalFor(bytes, reader, input.signals), { withoutThreshold: input.withoutThreshold });
    const { batchId, ack } = await stream.accept({ bytes, compressed: null, encoding: 'identity' }).catch((error: unknown) => {
      throw placed(error, reader);
    });
    if (ack.status !== 'OK') throw placed(new CodedError(ack.status, 'replay_refused', `batch ${batchId}: ${ack.message}`), reader);
    await processor.advance(0n);
    await turnOfOthers();
    progress.update(reader.offset / Math.max(reader.sizeBytes, 1));
  }
  stream?.close();
}

function signalFor(bytes: Uint8Array, reader: CaptureReader, signals: readonly Signal[]): Signal {
  const signal = signalOf(bytes, reader);
  if (signal !== 'metrics' && !signals.includes(signal)) {
    throw new UsageError([`${reader.path} holds ${signal}, and no --policy is for ${signal}`]);
  }
  return signal;
}

function signalOf(bytes: Uint8Array, reader: CaptureReader): Signal {
  try {
    const signal = signalOfMessage(bytes);
    if (signal !== null) return signal;
  } catch (error) {
    throw placed(error, reader);
  }
  throw placed(new CodedError('INVALID_ARGUMENT', 'capture_malformed', 'the first message has no payload that says its signal'), reader);
}
