import { createHash } from 'node:crypto';
import type { Session } from '../store/duckdb.ts';
import type { SideFile } from '../storage/side-files.ts';
import type { SampledSignal } from '../store/slot-plan.ts';
import { historyColumnTypes } from './history-sql.ts';

/** One window of one policy as it is saved: JSON, whose rows are those of its table. */
export interface SavedWindow {
  /** The policy's name and what it remembers. */
  readonly policy: string;
  readonly signal: SampledSignal;
  readonly number: number;
  /** JSON of the rows, which no number passes through. */
  readonly rows: string;
}

export function prefixOf(signal: SampledSignal): string {
  return `history-${signal}-`;
}

/** The file of a window of a policy. */
export function fileOf({ signal, policy, number }: Pick<SavedWindow, 'signal' | 'policy' | 'number'>): string {
  return `${prefixOf(signal)}${createHash('sha256').update(policy).digest('hex').slice(0, 16)}-${number}.json`;
}

export function encodeSaved(window: SavedWindow): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(window));
}

/** Null where the file says something else. */
export function decodeSaved({ body }: SideFile): SavedWindow | null {
  try {
    const { policy, signal, number, rows }: Partial<SavedWindow> = JSON.parse(new TextDecoder().decode(body));
    return typeof policy === 'string' && (signal === 'traces' || signal === 'logs') && typeof number === 'number' && typeof rows === 'string' ? { policy, signal, number, rows } : null;
  } catch {
    return null;
  }
}

/** The rows of a window's table as JSON. */
export async function rowsOf(session: Session, table: string): Promise<string> {
  return String((await session.api.runAndReadAll(`SELECT coalesce(to_json(list(h)), '[]')::VARCHAR FROM ${table} h`)).getRows()[0][0]);
}

/** Makes a window's table of them again. */
export async function createFrom(session: Session, table: string, rows: string): Promise<void> {
  const types = JSON.stringify([historyColumnTypes]);
  await session.run(`CREATE TABLE ${table} AS SELECT unnest(from_json(${literal(rows)}, ${literal(types)}), recursive := true)`);
}

function literal(text: string): string {
  return `'${text.replaceAll('\'', '\'\'')}'`;
}
