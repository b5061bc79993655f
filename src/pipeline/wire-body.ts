import type { BodyEncoding } from '../store/retained-batch.ts';
import type { TelemetryMessage } from './intake-port.ts';

/** A body as it is retained. */
export interface RetainedBody {
  readonly encoding: BodyEncoding;
  readonly bytes: Uint8Array;
}

/** The body as it came compressed, where that is a form in which bodies are retained; null for others. */
export function bodyOnTheWire({ compressed, encoding }: TelemetryMessage): RetainedBody | null {
  if (compressed === null) return null;
  if (encoding === 'gzip') return { encoding, bytes: compressed };
  return encoding.startsWith('zstd') ? { encoding: 'zstd', bytes: compressed } : null;
}
