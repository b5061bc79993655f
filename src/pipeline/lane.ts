import { deferred } from '../base/deferred.ts';
import type { Signal } from '../otap/payload-type.ts';
import { DecisionCache } from '../policy/decision-cache.ts';
import { PolicyRunner } from '../policy/window-policies.ts';
import { KeyedHash } from '../sampling/keyed-hash.ts';
import type { Database, Session } from '../store/duckdb.ts';
import type { HeldBytes } from '../store/held-batch.ts';
import type { SideFiles } from '../storage/side-files.ts';
import { LookupCache } from '../store/lookup.ts';
import type { ProjectionTools } from '../store/projector.ts';
import type { SampledSignal } from '../store/slot-plan.ts';
import { fallbackReason } from './combining.ts';
import { Dispatcher } from './dispatcher.ts';
import { DroppedDispatch } from './dropped-dispatch.ts';
import { arrivedRows, KeptMarks } from './dropped-rows.ts';
import { EarlyDecisions } from './early-decisions.ts';
import { EarlyLane, earlyOptions, readsOfRoots } from './early-lane.ts';
import type { EarlyDecision } from './early-windows.ts';
import type { OnLost } from './fan-out.ts';
import { Followers } from './followers.ts';
import { headReads } from './head-counts.ts';
import { expectWindow, recallAtArrival, recallWindow } from './journal/recall.ts';
import { recallEarly } from './journal/recall-early.ts';
import type { RecoveringLane } from './journal/recover.ts';
import { KeepReasons, noReason } from './keep-reasons.ts';
import { KeptDispatch } from './kept-dispatch.ts';
import type { KeptTraces } from './kept-traces.ts';
import { LanePolicies } from './lane-policies.ts';
import type { LateArrivals } from './late-arrivals.ts';
import { readsOfLinks } from './linked-groups.ts';
import { LogWindows } from './log-windows.ts';
import { decisionsFitting, memoryShares } from './memory-shares.ts';
import { OpenTraces, type TraceLimits } from './open-traces.ts';
import { OversizeTraces } from './oversize-traces.ts';
import { directSender, type KeptSender } from './outbox/kept-sender.ts';
import { recordOf } from './outbox/lot.ts';
import { openOutbox } from './outbox/open-outbox.ts';
import type { Outbox } from './outbox/outbox.ts';
import { PartialTraces } from './partial-traces.ts';
import { PolicySets } from './policy-sets.ts';
import type { ProcessorOptions } from './processor-options.ts';
import { SignalIntake } from './signal-intake.ts';
import type { BatchSink } from './sink.ts';
import { readsOfRootSamplers } from './root-inputs.ts';
import { settledSinks } from './settled-sinks.ts';
import { keptToAll } from './sink-routes.ts';
import { SlotRing } from './slot-ring.ts';
import type { TraceMemory } from './trace-memory.ts';
import { TimedDecider } from './timed-decider.ts';
import { TraceWindows } from './trace-windows.ts';
import type { WindowClock } from './window-clock.ts';
import type { DeciderParts } from './window-decision.ts';
import { WindowLoop } from './window-loop.ts';

/** Longest wait of a batch for windows that are behind. */
const paceMs = 1000;

/** All of one signal, from its intake to the sinks. */
export interface Lane {
  readonly ring: SlotRing;
  readonly clock: WindowClock;
  readonly traces: TraceMemory | null;
  readonly intake: SignalIntake;
  readonly loop: WindowLoop;
  readonly policies: LanePolicies;
  readonly runner: PolicyRunner;
  readonly dispatcher: Dispatcher;
  readonly sender: KeptSender;
  /** What waits on the disk for sinks; null where nothing can. */
  readonly outbox: Outbox | null;
  /** Null where nobody wants what is dropped. */
  readonly droppedDispatch: DroppedDispatch | null;
  /** How it is brought back to what the journal says. */
  readonly recovering: RecoveringLane;
  /** How long windows take; null where nobody asks. */
  readonly timed: TimedDecider | null;
}

/** What lanes share of the store, and what is theirs of it. */
export interface LaneStore {
  readonly database: Database;
  readonly writer: Session;
  readonly engine: Session;
  readonly clock: WindowClock;
  readonly keptTraces: KeptTraces;
  readonly account: HeldBytes;
  /** Where what windows leave behind is saved for the next start; null where it is not. */
  readonly files: SideFiles | null;
}

/** Told of late rows that follow the decision on their trace. */
export type OnLate = (late: LateArrivals) => void;

/** Tells the observer of rows that a sink did not take. */
export function onLostOf({ observer }: ProcessorOptions, signal: Signal): OnLost {
  return (sink, rows, error) => observer.lost(signal, sink, rows, error);
}

function traceMemory({ decisionsMax, memoryLimitBytes, duckdbShare, hashSeed, horizonMs }: ProcessorOptions, hasReasons: boolean, limits: TraceLimits | null): TraceMemory {
  return {
    ...(limits === null ? {} : { oversize: new OversizeTraces() }),
    open: new OpenTraces(hashSeed, limits), decided: new DecisionCache(decisionsFitting(decisionsMax, memoryShares(memoryLimitBytes, duckdbShare)), hashSeed, hasReasons, horizonMs), followers: new Followers(), partial: new PartialTraces(),
  };
}

/** Puts together the lane of a signal. */
export function buildLane(options: ProcessorOptions, signal: SampledSignal, store: LaneStore, onLate: OnLate): Lane {
  const { seam, limits, fallback, observer } = options;
  const { clock, keptTraces } = store;
  const { linked = null, rootSays = null } = options.windows;
  const earlyBy = earlyOptions(options, signal);
  const ownViews = [...(signal === 'traces' && linked !== null ? readsOfLinks(linked) : []), ...readsOfRoots(earlyBy), ...(signal === 'traces' && rootSays !== null ? [readsOfRootSamplers] : []), ...(signal === 'traces' && options.head != null ? [headReads] : [])];
  const sets = new PolicySets(signal, options.extraKeys, { generation: 1, policies: options.policies }, ownViews);
  const ring = new SlotRing(store.writer, signal === 'traces' ? 't' : 'l', sets.plan, options.spill != null);
  const policies = new LanePolicies({ ring, sets, beside: signal === 'logs' ? keptTraces : null, onInForce: (generation) => observer.policiesInForce(signal, generation) });
  const runner = new PolicyRunner(() => store.database.connect(), { ...limits, windowBounds: (slot) => clock.boundsOf(slot) }, seam, store.files);
  const reasons = options.hasPolicyAttribute === true ? new KeepReasons() : null;
  const traces = signal === 'traces' ? traceMemory(options, reasons !== null, earlyBy?.limits ?? null) : null;
  const combining = { combine: options.combine ?? 'union', reasons };
  const journal = options.journal ?? null;
  const parts: DeciderParts = {
    engine: store.engine, ring, runner, fallback, hash: new KeyedHash(seam.hashKey), combining, keptTraces, certificate: options.certificate ?? null,
    journal, nowUnixNano: seam.nowUnixNano, head: options.head == null ? null : { sink: options.head, boundsOf: (slot) => clock.boundsOf(slot) }, rootSays,
  };
  const decisions = traces === null || (earlyBy === null && journal === null) ? null : new EarlyDecisions();
  const sendEarly = async (decision: EarlyDecision): Promise<void> => {
    const { kept, slot, atUnixNano } = decision;
    const record = recordOf(await decision.logged, { slot, earlyAtUnixNano: atUnixNano });
    const counts = await sender.send({ kept, record, marks: droppedDispatch === null ? null : decisions?.marksOf(slot) ?? null }, () => journal?.earlySent({ signal, slot, atUnixNano }));
    observer.early(signal, decision, counts);
  };
  const early = earlyBy === null || traces === null || decisions === null ? null : new EarlyLane({
    options: earlyBy, decider: parts, clock, traces, policies, monotonicMs: seam.monotonicMs, decisions, dispatch: sendEarly,
    onFailed: (error) => observer.earlyFailed(signal, error),
  });
  const windowDecider = traces === null ? new LogWindows(parts) : new TraceWindows(parts, traces, linked, decisions);
  const timed = options.stress === undefined ? null : new TimedDecider(windowDecider, ring, seam.monotonicMs);
  const tools: ProjectionTools = { lookups: new LookupCache(), onMismatch: (key, count) => observer.mismatch(key, count) };
  const decidableUpTo = (unixNano: bigint): bigint => (signal === 'logs' && keptTraces.isRead ? keptTraces.logsDecidableUpTo(unixNano) : unixNano);
  const intake = new SignalIntake({
    signal, ring, clock, time: options.time, traces, hash: new KeyedHash(seam.hashKey), tools, onLate,
    ...(options.pastHorizon === undefined ? {} : { pastHorizon: { ...options.pastHorizon, reason: fallbackReason(combining) ?? noReason } }),
    ...(journal === null ? {} : { onTaken: (held, slot, lateLots) => journal.taken(held, { signal, slot }, lateLots), onDecided: (ids, n) => journal.decidedAtArrival({ ids, n, atUnixNano: options.seam.nowUnixNano() }) }),
    pace: (unixNano) => loop.pace(decidableUpTo(unixNano), paceMs, seam.sleepMs),
  });
  const route = (options.routes ?? keptToAll(options.sinks))[signal];
  const dispatcherTo = (sinks: readonly BatchSink[]): Dispatcher => new Dispatcher(signal, options.batchRowsMax, sinks, seam.monotonicMs, onLostOf(options, signal), options.hashSeed);
  const dispatcher = dispatcherTo(route.kept);
  const droppedDispatch = route.dropped.length === 0 ? null : new DroppedDispatch(signal, dispatcherTo(route.dropped), observer);
  const keptDispatch = new KeptDispatch(signal, dispatcher, new KeyedHash(seam.hashKey), reasons, observer);
  const outbox = journal === null ? null : openOutbox({ options, signal, journal, reasons, sinks: route.kept, account: store.account, dispatcherTo });
  const sender = outbox ?? directSender(keptDispatch, dispatcher);
  const loop = new WindowLoop({
    ring, clock, decider: timed ?? windowDecider, policies: (slot) => policies.decideBy(slot),
    dispatch: async (decision) => {
      const { kept, slot } = decision;
      const record = recordOf(await decision.logged, { slot });
      const marks = droppedDispatch === null ? null : decisions?.takeMarks(slot) ?? new KeptMarks();
      const delivered = deferred<void>();
      const counts = await sender.send({ kept, record, marks }, delivered.resolve);
      observer.decided(signal, decision, counts);
      if (earlyBy?.sessions != null && early?.isWhole(slot) === false) observer.sessionsCut(decision.traces ?? 0);
      if (marks !== null) await droppedDispatch?.dispatch(marks.othersOf(arrivedRows(ring.get(slot), decision.followers ?? [])));
      if (journal !== null) void Promise.all([delivered.promise, settledSinks(route.dropped)]).then(() => journal.exported({ signal, slot }));
    },
    ...(journal === null ? {} : { onClosed: (slot) => journal.closed({ signal, slot }) }),
    ...(early === null ? {} : { early: (unixNano) => early.decide(unixNano) }),
    onEngineError: (_slot, error) => observer.engineError(signal, error),
  });
  const recovering: RecoveringLane = {
    ring, intake, reasons, expect: (window) => expectWindow(parts, traces, window), recall: (window) => recallWindow(parts, traces, window), decidedAtArrival: (decided) => recallAtArrival(parts, traces, decided),
    leave: ({ kept, slot }, segment) => droppedDispatch === null && outbox?.leave({ kept, record: { segment, slot } }, () => journal?.exported({ signal, slot })) === true,
    handOn: (decision, segment) => loop.handOn({ ...decision, logged: Promise.resolve(segment) }),
    early: traces === null || decisions === null ? null : {
      recall: (window) => recallEarly(parts, traces, decisions, window),
      leave: ({ kept, slot, atUnixNano }, segment) => droppedDispatch === null && outbox?.leave({ kept, record: { segment, slot, earlyAtUnixNano: atUnixNano } }, () => journal?.earlySent({ signal, slot, atUnixNano })) === true,
      handOn: (decision, segment) => loop.inTurn(() => sendEarly({ ...decision, logged: Promise.resolve(segment) })),
      sent: ({ slot, kept }) => {
        if (droppedDispatch !== null) for (const { batch, rows } of kept) decisions.marksOf(slot).add(batch, rows);
      },
    },
  };
  return { ring, clock, traces, intake, loop, policies, runner, dispatcher, sender, outbox, droppedDispatch, recovering, timed };
}
