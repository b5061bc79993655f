import { overLimit } from '../../otap/ipc/errors.ts';

/** What one request may ask of the reader. */
export interface OtlpLimits {
  /** Spans, events, attributes, points: of each kind at most so many. */
  readonly rowsMax: number;
}

export const defaultOtlpLimits: OtlpLimits = { rowsMax: 1 << 22 };

/** Resources, and scopes, of one request: they have ids of 16 bits. */
export const entitiesMax = 65_536;

/** Throws INVALID_ARGUMENT / over_limit. */
export function checkCount(what: string, count: number, limit: number): void {
  if (count > limit) throw overLimit(what, count, limit);
}
