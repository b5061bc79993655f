import type { CompiledPolicy, PolicySignal } from '../compile/compiled.ts';
import { slotPlanOf } from '../slot-plan-of.ts';
import { rowColumns } from '../../store/slot-plan.ts';

/** What the intake copies of every span or record because these policies read it. */
export interface Projection {
  readonly signal: PolicySignal;
  /** Columns of the table of spans or records, those that every table has included. */
  readonly columns: number;
  /** Bytes of their values in a row; texts count as the 4-byte code of a text that is held once, bodies of records as they are. */
  readonly bytesPerRow: number;
  /** Tables beside it that are filled: star tables, events and links; those read with all keys end with `(all keys)`. */
  readonly tables: readonly string[];
}

const widths: { readonly [type: string]: number } = { BOOLEAN: 1, UTINYINT: 1, INTEGER: 4, UINTEGER: 4, BIGINT: 8, UBIGINT: 8, DOUBLE: 8, UUID: 16, UHUGEINT: 16, VARCHAR: 16 };

/** The projection that policies of one signal need together. */
export function projectionOf(signal: PolicySignal, policies: readonly CompiledPolicy[]): Projection {
  const plan = slotPlanOf(signal, policies);
  const columns = rowColumns(plan);
  const stars = plan.stars.map(({ star, keys }) => (keys === 'all' ? `${star} (all keys)` : star));
  return {
    signal,
    columns: columns.length,
    bytesPerRow: columns.reduce((sum, { type }) => sum + (widths[type] ?? 16), 0),
    tables: [...stars, ...plan.children.map(({ child }) => child)],
  };
}
