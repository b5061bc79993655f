import type { PolicyOutcome } from '../policy/window-policies.ts';
import type { Session } from '../store/duckdb.ts';
import { TableWriter } from '../store/table-writer.ts';
import { windowRows } from '../store/window-rows.ts';
import type { Window } from '../store/window-views.ts';

/** An outcome with the place of its policy among all. */
export interface PlacedOutcome {
  readonly place: number;
  readonly outcome: PolicyOutcome;
}

/** What becomes of a policy that failed: null, nothing is written; else N for all traces of `table`, a SELECT or a name. */
export type OnFailure = { readonly n: bigint; readonly table: string } | null;

/**
 * Creates `table` (k UUID, n UBIGINT, p UINTEGER): the traces that policies named, each with N and the place of its policy. Spans that were
 * named stand for their traces, so a trace may have many rows of one policy.
 */
export async function writeTracePicks(
  engine: Session, table: string, window: Window, outcomes: readonly PlacedOutcome[], onFailure: OnFailure,
): Promise<void> {
  const picks = await TableWriter.create(engine, table, [{ name: 'k', type: 'UUID' }, { name: 'n', type: 'UBIGINT' }, { name: 'p', type: 'UINTEGER' }]);
  for (const placed of outcomes) {
    if (placed.outcome.policy.keyKind === 'id' || placed.outcome.picks === null) {
      picks.flush();
      await insertPicks(engine, table, window, placed, onFailure);
    } else writeTraces(picks, placed.place, placed.outcome.picks);
  }
  picks.flush();
  picks.close();
}

function writeTraces(picks: TableWriter, place: number, { count, keyBytes, n }: NonNullable<PolicyOutcome['picks']>): void {
  const places = new Uint8Array(new Uint32Array(count).fill(place).buffer);
  picks.write(count, [{ bytes: keyBytes, valid: null }, { bytes: bytesOf(n), valid: null }, { bytes: places, valid: null }]);
}

async function insertPicks(engine: Session, table: string, window: Window, { place, outcome }: PlacedOutcome, onFailure: OnFailure): Promise<void> {
  if (outcome.picks === null) {
    if (onFailure !== null) await engine.run(`INSERT INTO ${table} SELECT trace_id, ${onFailure.n}::UBIGINT, ${place} FROM ${onFailure.table} t`);
    return;
  }
  const spansTable = `${table}_spans`;
  const { keyBytes, n, count } = outcome.picks;
  const spans = await TableWriter.create(engine, spansTable, [{ name: 'id', type: 'UHUGEINT' }, { name: 'n', type: 'UBIGINT' }]);
  spans.write(count, [{ bytes: keyBytes, valid: null }, { bytes: bytesOf(n), valid: null }]);
  spans.flush();
  spans.close();
  const rows = windowRows(window.slots, { fields: [], keys: [], inputs: false });
  await engine.run(`
    INSERT INTO ${table}
    SELECT r.trace_id, s.n, ${place} FROM ${spansTable} s JOIN (${rows}) r ON r.wseq = (s.id & 4294967295::UHUGEINT)::UINTEGER`);
  await engine.run(`DROP TABLE ${spansTable}`);
}

function bytesOf(n: BigUint64Array): Uint8Array {
  return new Uint8Array(n.buffer, n.byteOffset, n.byteLength);
}
