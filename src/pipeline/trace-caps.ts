import type { PolicyPicks } from '../policy/evaluate.ts';
import { compare56 } from '../sampling/word56.ts';
import { isKeptAt } from '../sampling/threshold.ts';
import type { Session } from '../store/duckdb.ts';
import { TableWriter } from '../store/table-writer.ts';
import { windowRows } from '../store/window-rows.ts';
import type { Window } from '../store/window-views.ts';
import type { NamedRows } from './named-rows.ts';

/** Records that a policy keeps on the randomness of their traces, which is not their own: number in the window, and N, two words each. */
export interface KeptElsewhere {
  readonly wseq: Uint32Array;
  readonly n: Uint32Array;
  /** How many it named, kept or not. */
  readonly namedCount: number;
}

/** What a policy that reads `kept_traces` named, capped at the p of the traces. */
export interface CappedRows {
  /** Records of no trace, and those whose R is their trace's. */
  readonly named: NamedRows;
  readonly elsewhere: KeptElsewhere;
}

/**
 * Caps what a policy named at the p of each record's trace (sampling.md, rule 9; not doing so: 0.05 of the truth). Records of traces that
 * are not in `keptSql` (trace_id, n, r) are taken out: that they are not there is chance. A record whose R is another than the one
 * that its trace was decided on (rv of spans, a linked group, sampling.randomness of its own) is judged on the latter here. Records of
 * a trace that is larger than a sample are kept together with the p that they would be split by. `table` is a name for a table of our
 * own; `ceilings` has N of each row's ceiling, two words, or is null.
 */
export async function capAtTraces(engine: Session, table: string, window: Window, picks: PolicyPicks, keptSql: string, ceilings: Uint32Array | null): Promise<CappedRows> {
  const writer = await TableWriter.create(engine, table, [{ name: 'k', type: 'UHUGEINT' }, { name: 'n', type: 'UBIGINT' }]);
  try {
    writer.write(picks.count, [{ bytes: picks.keyBytes, valid: null }, { bytes: new Uint8Array(picks.n.buffer, picks.n.byteOffset, picks.n.byteLength), valid: null }]);
    writer.flush();
    const rows = windowRows(window.slots, { fields: ['trace_id'], keys: [], inputs: false });
    const capped = `
      SELECT p.k AS k, CASE WHEN t.n IS NULL THEN p.n ELSE least(p.n, t.n) END AS n, coalesce(t.r, w.r) AS r, coalesce(t.r <> w.r, false) AS elsewhere
      FROM ${table} p JOIN (${rows}) w ON w.wseq = (p.k & 4294967295::UHUGEINT)::UINTEGER LEFT JOIN (${keptSql}) t ON t.trace_id = w.trace_id
      WHERE w.trace_id IS NULL OR t.n IS NOT NULL`;
    const own = (await engine.run(`SELECT k, max(n) FROM (${capped}) WHERE NOT elsewhere GROUP BY k`)).columns([16, 8]);
    const other = (await engine.run(`SELECT k, max(n), any_value(r) FROM (${capped}) WHERE elsewhere GROUP BY k`)).columns([16, 8, 8]);
    return {
      named: { count: own.count, keys: wordsOf(own.bytes[0]), n: wordsOf(own.bytes[1]), split: null },
      elsewhere: judged(other.count, wordsOf(other.bytes[0]), wordsOf(other.bytes[1]), wordsOf(other.bytes[2]), ceilings),
    };
  } finally {
    writer.close();
    await engine.run(`DROP TABLE ${table}`);
  }
}

function wordsOf(bytes: Uint8Array): Uint32Array {
  return new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
}

/** Those of the records whose trace's R (`r`) reaches their N, within the ceilings. */
function judged(count: number, keys: Uint32Array, n: Uint32Array, r: Uint32Array, ceilings: Uint32Array | null): KeptElsewhere {
  const wseq = new Uint32Array(count);
  const kept = new Uint32Array(count * 2);
  let at = 0;
  for (let i = 0; i < count; i++) {
    const row = keys[i * 4] * 2;
    const isLimited = ceilings !== null && compare56(ceilings[row], ceilings[row + 1], n[i * 2], n[i * 2 + 1]) < 0;
    const low = isLimited ? ceilings[row] : n[i * 2];
    const high = isLimited ? ceilings[row + 1] : n[i * 2 + 1];
    if (!isKeptAt(r[i * 2], r[i * 2 + 1], low, high)) continue;
    wseq[at] = keys[i * 4];
    kept[at * 2] = low;
    kept[at * 2 + 1] = high;
    at++;
  }
  return { wseq: wseq.subarray(0, at), n: kept.subarray(0, at * 2), namedCount: count };
}
