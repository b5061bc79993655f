import { CodedError } from '../../base/errors.ts';
import { Place, type Issue } from '../../config/place.ts';
import { CaptureReader, signalOfMessage } from '../../otap/capture-file.ts';
import type { WindowDecision } from '../../pipeline/trace-windows.ts';
import type { OpenPolicies } from '../../policies.ts';
import type { SampledSignal } from '../../store/slot-plan.ts';
import { givenItems } from '../given/given-items.ts';
import { TraceKeys } from '../given/trace-keys.ts';
import { PipelineRun, type RunSettings } from '../pipeline-run.ts';
import { given } from '../test-file/given.ts';

/** What a policy's query takes. */
export interface Cost {
  /** What it was measured on. */
  readonly on: string;
  /** Spans or log records that were decided. */
  readonly items: number;
  readonly windows: number;
  /** Time of the query over all windows, ms. */
  readonly queryMs: number;
  /** The part of it that each window costs whatever it holds, ms; null where windows of one size cannot tell. */
  readonly fixedMs: number | null;
  /** What a million items cost beside that, ms. */
  readonly perMillionMs: number;
}

const smallTraces = 500;
const largeTraces = 20_000;
const repeats = 3;

interface Measured { readonly items: number; readonly elapsedMs: number }

/** Measures on made-up telemetry: small windows tell what each window costs, large ones what each item does. One window of each warms up. */
export async function costOnMadeUp(compiled: OpenPolicies, settings: RunSettings, signal: SampledSignal): Promise<Cost> {
  const small = await measure(compiled, settings, signal, smallTraces);
  const large = await measure(compiled, settings, signal, largeTraces);
  const perItem = Math.max(0, (large.elapsedMs - small.elapsedMs) / (large.items - small.items));
  const what = signal === 'traces' ? 'traces of 3 spans in 40 services' : 'log records of 40 services';
  return {
    on: `made-up ${what}, windows of ${smallTraces} and ${largeTraces}, the fastest of ${repeats} each`, items: (small.items + large.items) * repeats, windows: repeats * 2,
    queryMs: (small.elapsedMs + large.elapsedMs) * repeats, fixedMs: Math.max(0, small.elapsedMs - perItem * small.items), perMillionMs: perItem * 1e6,
  };
}

async function measure(compiled: OpenPolicies, settings: RunSettings, signal: SampledSignal, count: number): Promise<Measured> {
  const items = givenItems(madeUp(signal, count), { windowMs: settings.windowMs, seed: 1, resolve: (path) => path });
  const keys = new TraceKeys();
  items.batches.forEach((batch) => keys.add(batch));
  const windows: Measured[] = [];
  const run = await PipelineRun.open(compiled, settings, { kept: () => undefined, decided: (of, decision) => windows.push(...measured(of, signal, decision)) });
  const apartNano = BigInt(Math.round(settings.windowMs * 1e6)) * BigInt(items.windows + 2 + Math.ceil(settings.decisionWaitMs / settings.windowMs));
  try {
    for (let round = 0; round <= repeats; round++) {
      for (const number of items.batches.keys()) await run.give(keys.renamed(number, keys.idsOf(String(round)), apartNano * BigInt(round)));
      await run.drain();
    }
    if (run.tally.firstError !== null) throw new CodedError('ABORTED', 'policy_failed', run.tally.firstError);
  } finally {
    run.close();
  }
  return windows.slice(1).reduce((best, one) => (one.elapsedMs < best.elapsedMs ? one : best));
}

function madeUp(signal: SampledSignal, count: number): NonNullable<ReturnType<typeof given.read>> {
  const services = { one_of: Array.from({ length: 40 }, (_, index) => `service-${index}`) };
  const status = { one_of: [...Array.from({ length: 49 }, () => 'unset'), 'error'] };
  const span = { service: services, name: { one_of: ['GET /', 'GET /cart', 'POST /cart', 'SELECT'] }, duration: { median: '50ms', sigma: 1.5 }, status };
  const written = signal === 'traces'
    ? { traces: [{ name: 'made up', repeat: count, spans: [span, { ...span, kind: 'client' }, { ...span, kind: 'server' }] }] }
    : { logs: [{ name: 'made up', repeat: count, service: services, severity: { one_of: ['debug', 'info', 'info', 'warn', 'error'] } }] };
  const issues: Issue[] = [];
  const read = given.read(written, new Place([], { issues, directory: '.', unresolved: new Set(), readFile: () => '' }));
  if (read === undefined) throw new Error(`invariant broken: ${issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ')}`);
  return read;
}

/** Measures on a capture file, window by window. */
export async function costOnCapture(compiled: OpenPolicies, settings: RunSettings, path: string): Promise<Cost> {
  const windows: Measured[] = [];
  const reader = new CaptureReader(path);
  let run: PipelineRun | null = null;
  try {
    let signal: SampledSignal | null = null;
    for (let bytes = reader.next(); bytes !== null; bytes = reader.next()) {
      signal ??= signalOfMessage(bytes) === 'logs' ? 'logs' : 'traces';
      const asked = signal;
      run ??= await PipelineRun.open(compiled, settings, { kept: () => undefined, decided: (of, decision) => windows.push(...measured(of, asked, decision)) });
      await run.giveMessage(signal, bytes);
    }
    await run?.drain();
  } finally {
    run?.close();
    reader.close();
  }
  const items = windows.reduce((sum, window) => sum + window.items, 0);
  const queryMs = windows.reduce((sum, window) => sum + window.elapsedMs, 0);
  return { on: `${path}, ${windows.length} windows`, items, windows: windows.length, queryMs, fixedMs: null, perMillionMs: items === 0 ? 0 : (queryMs / items) * 1e6 };
}

function measured(of: SampledSignal, signal: SampledSignal, { items, outcomes }: WindowDecision): Measured[] {
  return of === signal ? [{ items, elapsedMs: outcomes.reduce((sum, { elapsedMs }) => sum + elapsedMs, 0) }] : [];
}
