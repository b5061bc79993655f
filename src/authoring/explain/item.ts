import { CodedError, messageOf } from '../../base/errors.ts';
import type { OtapBatch } from '../../otap/batch.ts';
import { CaptureReader, signalOfMessage } from '../../otap/capture-file.ts';
import { OtapStreamDecoder } from '../../otap/decode/stream-decoder.ts';
import type { WindowDecision } from '../../pipeline/trace-windows.ts';
import type { OpenPolicies } from '../../policies.ts';
import { KeyedHash } from '../../sampling/keyed-hash.ts';
import { readBatchInput } from '../../store/input-columns.ts';
import type { SampledSignal } from '../../store/slot-plan.ts';
import { itemKey, type Items, readItems } from '../kept-items.ts';
import { PipelineRun, type RunListener, type RunSettings, seamOf } from '../pipeline-run.ts';
import { type Identity, namedAs, type Said } from './named-as.ts';

/** Which item: a trace by its id (32 hex digits), or a span or log record by its number in the file, from 0. */
export type ItemQuestion = { readonly traceId: string } | { readonly number: number };

/** What came of an item, and what each policy said of it. */
export interface ItemStory {
  readonly signal: SampledSignal;
  /** '' for a record outside of a trace. */
  readonly traceId: string;
  readonly services: readonly string[];
  /** Spans, or log records of the question. */
  readonly items: number;
  /** R, as it decides. */
  readonly randomness: bigint;
  /** N of the greatest probability that its items came with; 2^56 where they came unsampled. */
  readonly nIn: bigint;
  /** How it may leave: with a threshold; with a count alone, since it came so; with neither, since nobody knows its probability (rules 2 to 4). */
  readonly leaves: 'exact' | 'counted' | 'unknown';
  /** Start of the window that decided it, ns since the epoch; null where none did (it came too late). */
  readonly windowNano: bigint | null;
  readonly said: readonly Said[];
  readonly kept: number;
  /** What the kept ones leave with; the first speaks for all. */
  readonly output: { readonly threshold: string | null; readonly adjustedCount: number; readonly policies: string } | null;
}

interface Found {
  /** R is that of the first item that came with the greatest probability (rule 11). */
  identity: Identity;
  readonly keys: Set<string>;
  readonly services: Set<string>;
  readonly traceId: string;
  nIn: bigint;
  leaves: ItemStory['leaves'];
  items: number;
  firstNano: bigint;
}

/** Runs the policies over a capture and tells the story of one item. Throws CodedError NOT_FOUND where the capture does not hold it. */
export async function itemStory(compiled: OpenPolicies, path: string, question: ItemQuestion, settings: RunSettings): Promise<ItemStory> {
  const { signal, found } = findItem(path, question, settings);
  const watch = new Watch(found);
  const run = await PipelineRun.open(compiled, { ...settings, namesPolicies: true }, watch);
  const reader = new CaptureReader(path);
  try {
    for (let bytes = reader.next(); bytes !== null; bytes = reader.next()) await run.giveMessage(signal, bytes);
    await run.drain();
  } finally {
    run.close();
    reader.close();
  }
  const lengthNano = BigInt(Math.round(settings.windowMs * 1e6));
  const decided = watch.decisionOf(Number(found.firstNano / lengthNano));
  return {
    signal, traceId: found.traceId, services: [...found.services], items: found.items,
    randomness: (BigInt(found.identity.rHigh) << 32n) | BigInt(found.identity.rLow), nIn: found.nIn, leaves: found.leaves,
    windowNano: decided === null ? null : BigInt(decided.slot) * lengthNano,
    said: decided?.said ?? [], kept: watch.keptCount, output: watch.output,
  };
}

/** By the numbers of `leaves` (src/sampling/sampling-input.ts). */
const waysToLeave = ['exact', 'counted', 'unknown'] as const;

/** Reads through the capture for the item: who it is, and what it brings. */
function findItem(path: string, question: ItemQuestion, settings: RunSettings): { readonly signal: SampledSignal; readonly found: Found } {
  const hash = new KeyedHash(seamOf(settings).hashKey);
  let found: Found | null = null;
  let signal: SampledSignal = 'traces';
  let before = 0;
  for (const { batch, ordinal } of numbered(path)) {
    signal = batch.signal === 'logs' ? 'logs' : 'traces';
    const items = readItems(batch, settings.inputWithoutThreshold);
    const { states } = readBatchInput(batch, { batchOrdinal: ordinal, withoutThreshold: settings.inputWithoutThreshold }, hash);
    const isIt = 'number' in question ? (row: number) => before + row === question.number : (row: number) => items.traceIds[row] === question.traceId;
    for (let row = 0; row < items.count; row++) {
      if (!isIt(row) && !(signal === 'traces' && found !== null && found.traceId !== '' && items.traceIds[row] === found.traceId)) continue;
      const n = BigInt(states.nIn[row * 2]) | (BigInt(states.nIn[row * 2 + 1]) << 32n);
      found ??= { identity: identityOf(items, row, states.randomness), keys: new Set(), services: new Set(), traceId: items.traceIds[row], nIn: 0n, leaves: 'exact', items: 0, firstNano: items.times[row] };
      if (n > found.nIn) {
        found.nIn = n;
        found.identity = identityOf(items, row, states.randomness);
        found.leaves = waysToLeave[states.leaves[row]] ?? 'unknown';
      }
      found.items++;
      found.keys.add(itemKey(items, row));
      found.services.add(items.services[row]);
      if (items.times[row] < found.firstNano) found.firstNano = items.times[row];
    }
    before += items.count;
  }
  if (found === null) throw new CodedError('NOT_FOUND', 'no_such_item', `${path} does not hold ${'number' in question ? `an item of number ${question.number}: it has ${before}` : `trace ${question.traceId}`}`);
  return { signal, found };
}

function identityOf(items: Items, row: number, randomness: Uint32Array): Identity {
  const traceId = items.traceIds[row];
  return { traceId: traceId === '' ? null : Uint8Array.from(Buffer.from(traceId, 'hex')), rLow: randomness[row * 2], rHigh: randomness[row * 2 + 1] };
}

function* numbered(path: string): Generator<{ readonly batch: OtapBatch; readonly ordinal: number }> {
  const reader = new CaptureReader(path);
  try {
    let decoder: OtapStreamDecoder | null = null;
    let ordinal = 0;
    for (let bytes = reader.next(); bytes !== null; bytes = reader.next()) {
      const signal = decoder === null ? signalOfMessage(bytes) ?? 'metrics' : 'traces';
      if (signal === 'metrics') throw new CodedError('INVALID_ARGUMENT', 'not_sampled', `${path} holds no items that policies decide on`);
      decoder ??= new OtapStreamDecoder(signal);
      yield { batch: decoder.decode(bytes), ordinal: ordinal++ };
    }
  } finally {
    reader.close();
  }
}

interface Decided {
  readonly slot: number;
  readonly said: readonly Said[];
}

/** Looks out for the item: what policies say of it, and whether it leaves. */
class Watch implements RunListener {
  readonly #found: Found;
  readonly #decided: Decided[] = [];
  keptCount = 0;
  output: ItemStory['output'] = null;

  constructor(found: Found) {
    this.#found = found;
  }

  kept(batch: OtapBatch): void {
    const items = readItems(batch);
    for (let row = 0; row < items.count; row++) {
      if (!this.#found.keys.has(itemKey(items, row))) continue;
      this.keptCount++;
      this.output ??= { threshold: items.thresholds[row], adjustedCount: items.counts[row], policies: items.policies[row] };
    }
  }

  decided(_signal: SampledSignal, { slot, outcomes }: WindowDecision): void {
    this.#decided.push({ slot, said: namedAs(outcomes, this.#found.identity, messageOf) });
  }

  /** The window where a policy named the item; else that of its slot. */
  decisionOf(slot: number): Decided | null {
    const naming = this.#decided.find(({ said }) => said.some(({ n, splitN }) => n !== null || splitN !== null));
    return naming ?? this.#decided.find((one) => one.slot === slot) ?? null;
  }
}
