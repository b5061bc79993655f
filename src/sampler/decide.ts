import { type Context, createTraceState, isSpanContextValid, trace, TraceFlags, type TraceState } from '@opentelemetry/api';
import { parseThreshold } from '../sampling/threshold.ts';
import { readTracestate, writeThreshold } from '../sampling/tracestate.ts';
import { type IntentTable, intentOfTh, readyIntent, type ReadyIntent } from './intents.ts';

/** What SDKs take as SamplingResult; the numbers are those of its enum SamplingDecision. */
export interface HeadSamplingResult {
  readonly decision: 0 | 2;
  readonly traceState?: TraceState;
}

const notRecord = 0;
const recordAndSampled = 2;
/** Sampled for a reason that nobody knows the probability of. */
const unreliable = readyIntent(parseThreshold('0'), false);

/**
 * Decides a span by the randomness of its trace (`rv`, else the last 56 bits of the trace id): sampled when R >= T. A root's T is its rate's; others
 * have their parent's: of its `th`, or, where it has none, what its sampled flag says, and then no `th` is written.
 * Follows OpenTelemetry, "TraceState: Probability Sampling" and "ComposableParentThreshold".
 */
export function decide(context: Context, traceId: string, name: string, rates: IntentTable): HeadSamplingResult {
  const parent = trace.getSpanContext(context);
  const traceState = parent?.traceState;
  const ot = traceState?.get('ot') ?? '';
  const said = readTracestate(ot === '' ? '' : `ot=${ot}`);
  const intent = parent === undefined || !isSpanContextValid(parent) ? rates.of(name) : ofParent(said.th, parent.traceFlags);
  const isSampled = intent !== null && (said.rv ?? traceId.slice(-14)) >= intent.digits;
  return result(isSampled ? recordAndSampled : notRecord, traceState, withTh(traceState, ot, isSampled && intent.thresholdReliable ? intent.th : null));
}

function ofParent(th: string | null, flags: TraceFlags): ReadyIntent | null {
  if (th !== null) return intentOfTh(th);
  return (flags & TraceFlags.SAMPLED) === 0 ? null : unreliable;
}

/** The tracestate with `th` set or removed; where there is no room for it, removed. */
function withTh(traceState: TraceState | undefined, ot: string, th: string | null): TraceState | undefined {
  const before = ot === '' ? '' : `ot=${ot}`;
  const after = writeThreshold(before, th) ?? writeThreshold(before, null) ?? '';
  if (after === before) return traceState;
  if (after === '') return traceState?.unset('ot');
  return (traceState ?? createTraceState()).set('ot', after.slice('ot='.length));
}

function result(decision: 0 | 2, before: TraceState | undefined, after: TraceState | undefined): HeadSamplingResult {
  const traceState = after ?? before;
  return traceState === undefined ? { decision } : { decision, traceState };
}
