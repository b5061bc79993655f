/** A length-delimited field of a protobuf message. */
export function field(number: number, ...parts: readonly (Uint8Array | readonly number[])[]): Uint8Array {
  const body = Buffer.concat(parts.map((part) => Uint8Array.from(part)));
  return Buffer.concat([varint(number * 8 + 2), varint(body.length), body]);
}

/** The body in fields of these numbers, the last the innermost. */
export function wrapped(path: readonly number[], body: Uint8Array): Uint8Array {
  return path.reduceRight<Uint8Array>((inner, number) => field(number, inner), body);
}

/** A varint of up to 53 bits. */
export function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) + 0x80);
  return Uint8Array.from([...bytes, rest]);
}
