import { traceIdWords } from '../policy/trace-id-table.ts';
import { causeOfCode, codeOfCause, type PartialCause } from '../sampling/partial.ts';
import type { Session } from '../store/duckdb.ts';
import { TableWriter } from '../store/table-writer.ts';
import type { KeptOfWindow } from './kept-rows.ts';

/** Traces of one window that are decided on part of their evidence. */
export interface PartialIds {
  readonly cause: PartialCause;
  /** Four words each. */
  readonly ids: readonly number[];
}

/** Undecided traces of which something may be missing, by slot; empty most of the time. */
export class PartialTraces {
  readonly #bySlot = new Map<number, Map<PartialCause, number[]>>();

  /** The trace whose id stands at `ids[at .. at + 4)`, of a slot that is open. */
  add(slot: number, ids: Uint32Array, at: number, cause: PartialCause): void {
    const causes = this.#bySlot.get(slot) ?? new Map<PartialCause, number[]>();
    this.#bySlot.set(slot, causes);
    const known = causes.get(cause) ?? [];
    causes.set(cause, known);
    for (let word = 0; word < traceIdWords; word++) known.push(ids[at + word]);
  }

  of(slot: number): readonly PartialIds[] {
    return [...this.#bySlot.get(slot) ?? []].map(([cause, ids]) => ({ cause, ids }));
  }

  /** Forgets those of a slot that is decided. */
  close(slot: number): void {
    this.#bySlot.delete(slot);
  }
}

/** Creates `table` (trace_id, cause): the number of each trace's cause (src/sampling/partial.ts). */
export async function writePartial(engine: Session, table: string, partial: readonly PartialIds[]): Promise<void> {
  const writer = await TableWriter.create(engine, `${table}_all`, [{ name: 'trace_id', type: 'UUID' }, { name: 'cause', type: 'UTINYINT' }]);
  partial.forEach(({ cause, ids }) => {
    const count = ids.length / traceIdWords;
    writer.write(count, [{ bytes: new Uint8Array(Uint32Array.from(ids).buffer), valid: null }, { bytes: new Uint8Array(count).fill(codeOfCause(cause)), valid: null }]);
  });
  writer.flush();
  writer.close();
  await engine.run(`CREATE TABLE ${table} AS SELECT trace_id, min(cause) AS cause FROM ${table}_all GROUP BY trace_id`);
  await engine.run(`DROP TABLE ${table}_all`);
}

/** How a query over traces says which of them are partial. */
export interface PartialJoin {
  /** The cause's number, 0 where there is none; empty where nobody asks. */
  readonly column: string;
  readonly join: string;
}

/** Of a window in which `partial` were written; `alias` has their trace_id. */
export function partialJoin(name: string, partial: readonly PartialIds[], alias: string): PartialJoin {
  if (partial.length === 0) return { column: '', join: '' };
  return { column: ', coalesce(pc.cause, 0::UTINYINT) AS cause', join: ` LEFT JOIN ${name}_partial pc ON pc.trace_id = ${alias}.trace_id` };
}

/** The causes of decided traces, of those that have one, by their number. */
export function partialOf(causes: Uint8Array | null): [number, PartialCause][] {
  return Array.from(causes ?? []).flatMap((code, trace) => {
    const cause = causeOfCode(code);
    return cause === null ? [] : [[trace, cause]];
  });
}

/** Rows of a window, each with the number of its cause; null where all evidence was there. */
export interface KeptWithCauses extends KeptOfWindow {
  readonly causes: Uint8Array | null;
}

/** The rows of each cause apart. */
export function byCause(kept: KeptWithCauses): KeptOfWindow[] {
  const { causes, rootN = null } = kept;
  if (causes === null) return [kept];
  return [...new Set(causes)].map((cause) => {
    const picked = Array.from(causes.keys()).filter((index) => causes[index] === cause);
    const some = (words: Uint32Array): Uint32Array => Uint32Array.from(picked, (index) => words[index]);
    const pairs = (words: Uint32Array): Uint32Array => Uint32Array.from(picked.flatMap((index) => [words[index * 2], words[index * 2 + 1]]));
    return {
      wseq: some(kept.wseq), n: pairs(kept.n), nSplit: null, nCeiling: null,
      reasons: kept.reasons === null ? null : some(kept.reasons), partial: causeOfCode(cause), rootN: rootN === null ? null : pairs(rootN),
    };
  });
}
