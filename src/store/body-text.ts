import type { PayloadTable } from '../otap/batch.ts';
export function anyValueTexts(table: PayloadTable, _prefix: string): (string | null)[] { return new Array<null>(table.rowCount).fill(null); }
