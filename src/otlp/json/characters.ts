/** Bytes that mean something in JSON (RFC 8259, section 2). */
export const quote = 0x22;
export const backslash = 0x5c;
export const comma = 0x2c;
export const colon = 0x3a;
export const openBrace = 0x7b;
export const closeBrace = 0x7d;
export const openBracket = 0x5b;
export const closeBracket = 0x5d;
export const minus = 0x2d;
export const plus = 0x2b;
export const point = 0x2e;
export const zero = 0x30;
export const nine = 0x39;
export const space = 0x20;
export const letterN = 0x6e;
export const letterT = 0x74;
export const letterF = 0x66;
export const letterU = 0x75;

/** No byte: the text is at its end. */
export const ended = -1;

/** Of a byte that is no digit, in `hexValues`. */
export const noDigit = 0xff;

/** The value of a hexadecimal digit in either case. */
export const hexValues: Readonly<Uint8Array> = digitValues('0123456789abcdef', '0123456789ABCDEF');

/** Values by byte of the digits in each alphabet; `noDigit` for others. */
export function digitValues(...alphabets: readonly string[]): Uint8Array {
  const values = new Uint8Array(256).fill(noDigit);
  for (const alphabet of alphabets) for (let value = 0; value < alphabet.length; value++) values[alphabet.charCodeAt(value)] = value;
  return values;
}
