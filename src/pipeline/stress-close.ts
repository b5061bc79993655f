import { TWO_56 } from '../sampling/word56.ts';
import type { Session } from '../store/duckdb.ts';
import type { Slot } from '../store/slot.ts';
import { type KeepReasons, noReason } from './keep-reasons.ts';

/** What a kept item says of a slot in which stress relief was in force, beside the policies that kept it. */
export const stressName = 'stress';

/** How many rows of a slot had been taken in below the greatest threshold that was in force up to its close; no view shows them (sampling.md, rule 19). */
export async function shedAtClose(engine: Session, slot: Slot): Promise<number> {
  return slot.nMax === TWO_56 ? 0 : (await engine.run(`SELECT count(*) ${belowSql(slot)}`)).integer();
}

/** Adds the traces that nothing is left of for that to `NAME_decided`, as dropped, so that late spans of them are dropped too. */
export async function rememberShed(engine: Session, name: string, slot: Slot, hasReasons: boolean): Promise<void> {
  if (slot.nMax === TWO_56) return;
  await engine.run(`INSERT INTO ${name}_decided
    SELECT DISTINCT trace_id, 0::UBIGINT${hasReasons ? `, ${noReason}::UINTEGER` : ''} ${belowSql(slot)} AND trace_id NOT IN (SELECT trace_id FROM ${name}_decided)`);
}

function belowSql(slot: Slot): string {
  return `FROM ${slot.rows.table} WHERE r < ${TWO_56 - slot.nMax}::UBIGINT`;
}

/** Codes of reasons with stress relief added where it was in force. */
export function withStress(codes: Uint32Array, { nMax }: Pick<Slot, 'nMax'>, reasons: KeepReasons | null): Uint32Array {
  return reasons === null || nMax === TWO_56 ? codes : codes.map((code) => (code === noReason ? code : reasons.with(code, stressName)));
}

/** The same of one code. */
export function reasonWithStress(code: number | null, { nMax }: Pick<Slot, 'nMax'>, reasons: KeepReasons | null): number | null {
  return code === null || reasons === null || nMax === TWO_56 ? code : reasons.with(code, stressName);
}

/** N of the fallback in a slot: stress relief limits it too. */
export function fallbackNOf({ n }: { readonly n: bigint }, slot: Pick<Slot, 'nMax'> | null): bigint {
  return slot === null || n < slot.nMax ? n : slot.nMax;
}
