import { bigintOf56, highOfHex, lowOfHex } from './word56.ts';

declare const randomnessBrand: unique symbol;

/** R: 56 random bits of an item, a whole number in [0, 2^56). */
export type Randomness = bigint & { readonly [randomnessBrand]: true };

const rvPattern = /^[0-9a-f]{14}$/;

/** Whether the text is an explicit randomness value: exactly 14 lowercase hexadecimal digits (OpenTelemetry TraceState, `rv`). */
export function isRandomnessText(text: string): boolean {
  return rvPattern.test(text);
}

/** R of an `rv` or a `sampling.randomness`; null where the text is none. */
export function parseRandomness(text: string): Randomness | null {
  return isRandomnessText(text) ? (bigintOf56(lowOfHex(text), highOfHex(text)) as Randomness) : null;
}

/** R as 14 hexadecimal digits. */
export function formatRandomness(randomness: Randomness): string {
  return randomness.toString(16).padStart(14, '0');
}

/** R of a trace id of 16 bytes: its last 7 (W3C Trace Context level 2, random flag). */
export function randomnessOfTraceId(bytes: Uint8Array, offset = 0): Randomness {
  return bigintOf56(traceIdLow(bytes, offset), traceIdHigh(bytes, offset)) as Randomness;
}

/** Low word of the last 7 bytes of the trace id at `offset`. */
export function traceIdLow(bytes: Uint8Array, offset: number): number {
  return ((bytes[offset + 12] << 24) | (bytes[offset + 13] << 16) | (bytes[offset + 14] << 8) | bytes[offset + 15]) >>> 0;
}

/** High word, 24 bits. */
export function traceIdHigh(bytes: Uint8Array, offset: number): number {
  return (bytes[offset + 9] << 16) | (bytes[offset + 10] << 8) | bytes[offset + 11];
}

/** An all-zero trace id counts as none (sampling.md, rule 1). */
export function isZeroTraceId(bytes: Uint8Array, offset: number): boolean {
  for (let i = 0; i < 16; i++) if (bytes[offset + i] !== 0) return false;
  return true;
}
