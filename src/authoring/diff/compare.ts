import { CodedError } from '../../base/errors.ts';
import { CaptureReader, signalOfMessage } from '../../otap/capture-file.ts';
import { OtapStreamDecoder } from '../../otap/decode/stream-decoder.ts';
import type { Signal } from '../../otap/payload-type.ts';
import type { OpenPolicies } from '../../policies.ts';
import type { SampledSignal } from '../../store/slot-plan.ts';
import { readItems } from '../kept-items.ts';
import { PipelineRun, type RunSettings } from '../pipeline-run.ts';
import { type Count, Incoming, Side } from './side.ts';

/** One set of policies in a comparison. */
export interface Contender {
  readonly name: string;
  readonly compiled: OpenPolicies;
}

/** What one of the two did. */
export interface SideResult {
  readonly name: string;
  /** Traces that are kept, in whole or in part. */
  readonly traces: number;
  /** Spans or log records. */
  readonly total: Count;
  readonly bytes: number;
  readonly error: string | null;
}

export interface ServiceResult {
  readonly service: string;
  readonly items: number;
  /** What they stand for. */
  readonly truth: number;
  readonly sides: readonly [Count, Count];
}

/** Two sets of policies over the same telemetry. */
export interface Comparison {
  readonly signal: SampledSignal;
  readonly incoming: { readonly traces: number; readonly items: number; readonly truth: number; readonly bytes: number; readonly unknown: number };
  readonly sides: readonly [SideResult, SideResult];
  /** Traces (or log records) kept by both, and by one of them alone. */
  readonly overlap: { readonly both: number; readonly onlyFirst: number; readonly onlySecond: number };
  /** The services with the most items first. */
  readonly services: readonly ServiceResult[];
}

/** Runs both over a capture file, window by window. `progress` hears the share that is read. */
export async function compare(
  contenders: readonly [Contender, Contender], path: string, settings: RunSettings, progress: (share: number) => void, signal: AbortSignal,
): Promise<Comparison> {
  const reader = new CaptureReader(path);
  const incoming = new Incoming();
  const sides = [new Side(incoming, settings.inputWithoutThreshold), new Side(incoming, settings.inputWithoutThreshold)] as const;
  const runs: PipelineRun[] = [];
  try {
    for (const [index, { compiled }] of contenders.entries()) runs.push(await PipelineRun.open(compiled, settings, sides[index]));
    const what = await feed(reader, contenders, runs, incoming, settings, progress, signal);
    await Promise.all(runs.map((run) => run.drain()));
    return result(what, contenders, runs, incoming, sides);
  } finally {
    for (const run of runs) run.close();
    reader.close();
  }
}

async function feed(
  reader: CaptureReader, contenders: readonly Contender[], runs: readonly PipelineRun[], incoming: Incoming, settings: RunSettings,
  progress: (share: number) => void, abort: AbortSignal,
): Promise<SampledSignal> {
  let decoder: OtapStreamDecoder | null = null;
  let signal: SampledSignal = 'traces';
  for (let bytes = reader.next(); bytes !== null; bytes = reader.next()) {
    if (abort.aborted) throw new CodedError('CANCELLED', 'stopped', 'stopped before the end of the input');
    if (decoder === null) {
      signal = sampledSignal(signalOfMessage(bytes), reader.path, contenders);
      decoder = new OtapStreamDecoder(signal);
    }
    incoming.add(readItems(decoder.decode(bytes), settings.inputWithoutThreshold), bytes.length);
    const message = bytes;
    await Promise.all(runs.map((run) => run.giveMessage(signal, message)));
    progress(reader.offset / Math.max(1, reader.sizeBytes));
  }
  return signal;
}

function sampledSignal(signal: Signal | null, path: string, contenders: readonly Contender[]): SampledSignal {
  if (signal === null || signal === 'metrics') throw new CodedError('INVALID_ARGUMENT', 'not_sampled', `${path} holds no items that policies decide on`);
  const without = contenders.find(({ compiled }) => !compiled.policies.some((policy) => policy.signal === signal));
  if (without !== undefined) throw new CodedError('INVALID_ARGUMENT', 'other_signal', `${path} holds ${signal}, and ${without.name} has no policy for ${signal}`);
  return signal;
}

function result(
  signal: SampledSignal, contenders: readonly [Contender, Contender], runs: readonly PipelineRun[], incoming: Incoming, sides: readonly [Side, Side],
): Comparison {
  const [first, second] = sides;
  const both = [...first.units.keys()].filter((unit) => second.units.has(unit)).length;
  const sideResult = (index: 0 | 1): SideResult => ({
    name: contenders[index].name, traces: sides[index].traces.size, total: sides[index].total(), bytes: sides[index].bytes,
    error: runs[index].tally.firstError,
  });
  return {
    signal,
    incoming: { traces: incoming.traces.size, items: incoming.items, truth: incoming.truth, bytes: incoming.bytes, unknown: incoming.unknown.size },
    sides: [sideResult(0), sideResult(1)],
    overlap: { both, onlyFirst: first.units.size - both, onlySecond: second.units.size - both },
    services: [...incoming.services].sort(([, a], [, b]) => b.items - a.items).map(([service, { items, truth }]) => (
      { service, items, truth, sides: [first.service(service), second.service(service)] })),
  };
}
