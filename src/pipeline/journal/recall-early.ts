import { traceIdWords } from '../../policy/trace-id-table.ts';
import { codeOfCause } from '../../sampling/partial.ts';
import type { Session } from '../../store/duckdb.ts';
import type { Slot } from '../../store/slot.ts';
import { type ColumnData, TableWriter } from '../../store/table-writer.ts';
import type { DecidedEarly, EarlyDecisions } from '../early-decisions.ts';
import { createEarlyTable, earlyTable } from '../early-window.ts';
import { type EarlyDecision, earlyCounts } from '../early-windows.ts';
import type { TraceMemory } from '../trace-memory.ts';
import type { DeciderParts } from '../window-decision.ts';
import { type EarlyLook, keptOf, type LoggedWindow, type TraceDecisions } from './decided-record.ts';
import { batchesOf, remember } from './recall.ts';

/** Traces as they were decided before their window. */
export interface RecalledEarly {
  readonly decision: EarlyDecision;
  /** Rows that were kept and whose batches are not there. */
  readonly missing: number;
}

/**
 * Decides traces of a window again, before it, as the journal says they were: without a query of theirs or a policy. Their window is told where it is not decided
 * itself; where it is, the slot is not there and their rows wait among its followers.
 */
export async function recallEarly({ engine, ring, combining }: DeciderParts, memory: TraceMemory, decisions: EarlyDecisions, window: LoggedWindow & { readonly early: EarlyLook }): Promise<RecalledEarly> {
  const { slot: number, atUnixNano, traces, early } = window;
  memory.decided.advanceTo(Number(atUnixNano) / 1e6);
  if (traces !== null) {
    remember(memory, traces);
    for (let i = 0; i < traces.count; i++) memory.open.forget(traces.ids, i * traceIdWords);
  }
  const slot = ring.get(number);
  if (slot !== null && traces !== null) {
    const decided = decidedOf(traces, boundOf(slot, early));
    decisions.add(number, earlyTable(slot), decided, early);
    await writeEarly(engine, earlyTable(slot), decided, combining.reasons !== null);
  }
  const { kept, missing } = keptOf(window.kept, batchesOf(slot?.runs ?? [], memory.followers.of(number)));
  const traceSize = traces?.partial.filter(([, cause]) => cause === 'trace_size').length ?? 0;
  return { missing, decision: { slot: number, atUnixNano, items: early.items, truth: early.truth, traces: earlyCounts(traces?.count ?? 0, traceSize, early.cause), kept } };
}

/** The slot's first row of a batch that came during the look, which may not be at the number that it was at where damage took rows away. */
function boundOf({ runs, rows }: Slot, { during }: EarlyLook): number {
  return runs.find(({ batch }) => during.includes(batch.ordinal))?.seqStart ?? rows.rowCount;
}

function decidedOf({ count, ids, n, reasons, partial }: TraceDecisions, bound: number): DecidedEarly {
  const causes = new Uint8Array(count);
  for (const [index, cause] of partial) causes[index] = codeOfCause(cause);
  return { ids, n, reasons, causes, bound };
}

async function writeEarly(engine: Session, table: string, { ids, n, reasons, causes, bound }: DecidedEarly, hasReasons: boolean): Promise<void> {
  await createEarlyTable(engine, table, hasReasons);
  const part = `${table}_part`;
  const writer = await TableWriter.create(engine, part, [
    { name: 'trace_id', type: 'UUID' }, { name: 'n', type: 'UBIGINT' }, ...(hasReasons ? [{ name: 'code', type: 'UINTEGER' as const }] : []), { name: 'cause', type: 'UTINYINT' },
  ]);
  const codes = hasReasons ? [columnOf(reasons ?? new Uint32Array(n.length))] : [];
  writer.write(n.length, [columnOf(ids), columnOf(n), ...codes, columnOf(causes)]);
  writer.flush();
  writer.close();
  await engine.run(`INSERT INTO ${table} SELECT *, ${bound}::UINTEGER FROM ${part}`);
  await engine.run(`DROP TABLE ${part}`);
}

function columnOf({ buffer, byteOffset, byteLength }: Uint8Array | Uint32Array | BigUint64Array): ColumnData {
  return { bytes: new Uint8Array(buffer, byteOffset, byteLength), valid: null };
}
