import type { Session } from '../store/duckdb.ts';
import { type CertificateSums, everything } from './certificate.ts';

/** Reads rows of (place, key, sums...); key NULL is the whole window. */
export async function readSums(engine: Session, sql: string): Promise<CertificateSums[]> {
  const rows = (await engine.api.runAndReadAll(sql)).getRows();
  return rows.map(([place, key, ...values]) => ({ place: Number(place), key: key === null ? everything : String(key), sums: values.map(Number) }));
}

/** Reads rows of (place, key, sum) and adds, for each place, the sum over all keys, first. */
export async function readSumsAndTotals(engine: Session, sql: string, hasKeys: boolean): Promise<CertificateSums[]> {
  const byKey = await readSums(engine, sql);
  if (!hasKeys) return byKey;
  const totals = new Map<number, number>();
  for (const { place, sums: [sum] } of byKey) totals.set(place, (totals.get(place) ?? 0) + sum);
  return [...[...totals].map(([place, sum]) => ({ place, key: everything, sums: [sum] })), ...byKey];
}
