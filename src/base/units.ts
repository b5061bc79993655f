/** Sizes in bytes: powers of 1024 as `KiB`, powers of 1000 as `kB`; a bare number is bytes. */
const byteUnits: Readonly<Record<string, number>> = {
  b: 1, kib: 2 ** 10, mib: 2 ** 20, gib: 2 ** 30, tib: 2 ** 40, kb: 1e3, mb: 1e6, gb: 1e9, tb: 1e12,
};

/** Go's duration units, and `d` for days. */
const durationUnitsMs: Readonly<Record<string, number>> = {
  ns: 1e-6, us: 1e-3, '\u00b5s': 1e-3, '\u03bcs': 1e-3, ms: 1, s: 1e3, m: 60e3, h: 3600e3, d: 86_400e3,
};

/** `2GiB`, `512 MiB`, `1.5kB`, `4096` to whole bytes; null where the text is not a size or is not exact as a number. */
export function parseBytes(text: string): number | null {
  const match = /^\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$/i.exec(text);
  if (match === null) return null;
  const factor = byteUnits[match[2].toLowerCase() || 'b'];
  if (factor === undefined) return null;
  const bytes = Math.round(Number(match[1]) * factor);
  return Number.isSafeInteger(bytes) ? bytes : null;
}

/** Bytes in the greatest binary unit that leaves at least 1: `1.5GiB`, `512KiB`, `17B`. Whole numbers stay exact where short. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const exponent = Math.max(0, Math.min(units.length - 1, Math.floor(Math.log2(Math.abs(bytes) || 1) / 10)));
  const value = bytes / 1024 ** exponent;
  return `${Number.isInteger(value) ? value : value.toFixed(value < 10 ? 2 : 1)}${units[exponent]}`;
}

/** A duration in Go's form (`10s`, `1m30s`, `250ms`, `1.5h`, `0`) to milliseconds; null where it is none. */
export function parseDurationMs(text: string): number | null {
  const trimmed = text.trim();
  if (trimmed === '0') return 0;
  const parts = [...trimmed.matchAll(/(\d+(?:\.\d+)?)(ns|us|\u00b5s|\u03bcs|ms|s|m|h|d)/gy)];
  if (parts.length === 0 || parts.map(([part]) => part).join('') !== trimmed) return null;
  const totalMs = parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * durationUnitsMs[unit], 0);
  return Number.isFinite(totalMs) ? totalMs : null;
}

/** Milliseconds in Go's form, as `parseDurationMs` reads it: `1m30s`, `250ms`, `0s`. */
export function formatDurationMs(ms: number): string {
  if (ms === 0) return '0s';
  if (Math.abs(ms) < 1000) return `${round(ms)}ms`;
  const hours = Math.floor(ms / 3600e3);
  const minutes = Math.floor((ms % 3600e3) / 60e3);
  const seconds = round((ms % 60e3) / 1e3);
  return `${hours > 0 ? `${hours}h` : ''}${minutes > 0 ? `${minutes}m` : ''}${seconds > 0 ? `${seconds}s` : ''}`;
}

function round(value: number): number {
  return Math.round(value * 1e6) / 1e6;
}
