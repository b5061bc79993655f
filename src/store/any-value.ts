import type { PayloadTable } from '../otap/batch.ts';
export function anyValueText(_table: PayloadTable, _prefix: string, _row: number): string | null { return null; }
