import { parseDurationMs } from '../base/units.ts';
import { type Findings, NoEqual } from './finding.ts';

/**
 * A section of a foreign configuration, read by key. Values of a wrong type throw NoEqual, as that program would refuse them;
 * what nobody read is told by `reportUnread`.
 */
export class Written {
  readonly place: string;
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #read = new Set<string>();

  constructor(value: unknown, place: string) {
    this.place = place;
    if (value !== null && value !== undefined && (typeof value !== 'object' || Array.isArray(value))) throw new NoEqual(`${place} is no section`);
    this.#values = { ...value };
  }

  get keys(): readonly string[] {
    return Object.keys(this.#values);
  }

  has(key: string): boolean {
    return this.#values[key] !== undefined && this.#values[key] !== null;
  }

  /** The value as it is. */
  raw(key: string): unknown {
    this.#read.add(key);
    return this.#values[key] ?? undefined;
  }

  text(key: string, fallback = ''): string {
    const value = this.raw(key);
    if (value === undefined) return fallback;
    if (typeof value === 'string') return value;
    if (typeof value === 'number' || typeof value === 'boolean') return String(value);
    throw new NoEqual(`${this.place}.${key} is no text`);
  }

  number(key: string, fallback = 0): number {
    const value = this.raw(key);
    if (value === undefined) return fallback;
    const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
    if (typeof number === 'number' && Number.isFinite(number)) return number;
    throw new NoEqual(`${this.place}.${key} is no number: ${JSON.stringify(value)}`);
  }

  whole(key: string, fallback = 0): number {
    const number = this.number(key, fallback);
    if (!Number.isSafeInteger(number)) throw new NoEqual(`${this.place}.${key} is no whole number: ${number}`);
    return number;
  }

  flag(key: string, fallback = false): boolean {
    const value = this.raw(key);
    if (value === undefined) return fallback;
    if (value === true || value === 'true') return true;
    if (value === false || value === 'false') return false;
    throw new NoEqual(`${this.place}.${key} is neither true nor false: ${JSON.stringify(value)}`);
  }

  /** Milliseconds of a duration in Go's form. */
  durationMs(key: string, fallbackMs: number): number {
    if (!this.has(key)) return fallbackMs;
    const ms = parseDurationMs(this.text(key));
    if (ms === null) throw new NoEqual(`${this.place}.${key} is no duration: ${this.text(key)}`);
    return ms;
  }

  items(key: string): readonly unknown[] {
    const value = this.raw(key);
    if (value === undefined) return [];
    if (Array.isArray(value)) return value;
    throw new NoEqual(`${this.place}.${key} is no list`);
  }

  texts(key: string): readonly string[] {
    return this.items(key).map((item, index) => {
      if (typeof item === 'string' || typeof item === 'number' || typeof item === 'boolean') return String(item);
      throw new NoEqual(`${this.place}.${key}[${index}] is no text`);
    });
  }

  section(key: string): Written {
    return new Written(this.raw(key), `${this.place}.${key}`);
  }

  sections(key: string): readonly Written[] {
    return this.items(key).map((item, index) => new Written(item, `${this.place}.${key}[${index}]`));
  }

  /** Warns of keys that nobody asked for. */
  reportUnread(findings: Findings): void {
    for (const key of this.keys) {
      if (!this.#read.has(key)) findings.warning(`${this.place}.${key}`, 'is not known here and has no effect');
    }
  }
}
