import { overLimit } from '../../otap/ipc/errors.ts';

/** What one request may ask of the reader. */
export interface OtlpLimits {
  /** Spans, events, points: of each kind at most so many. Each takes up to 52 bytes of index, whatever it takes of the request. */
  readonly rowsMax: number;
  /** Attributes of one kind of item, and chunks of numbers: 12 bytes of index each. */
  readonly occurrencesMax: number;
}

export const defaultOtlpLimits: OtlpLimits = { rowsMax: 1 << 20, occurrencesMax: 1 << 22 };

/** Resources, and scopes, of one request: they have ids of 16 bits. */
export const entitiesMax = 65_536;

/** Arrays and maps within each other: what is in the innermost is as deep as our reader goes (otap/decode/cbor.ts). */
export const depthMax = 64;

/** Throws INVALID_ARGUMENT / over_limit. */
export function checkCount(what: string, count: number, limit: number): void {
  if (count > limit) throw overLimit(what, count, limit);
}
