import { CodedError } from '../errors.ts';
import { xxhash32 } from './xxhash32.ts';

const magic = 0x184d2204;
const skippableMagic = 0x184d2a50;
const matchLengthMin = 4;

/** Flags of a frame's descriptor (lz4_Frame_format.md, "Frame Descriptor"). */
interface FrameFlags {
  readonly blockChecksum: boolean;
  readonly contentSize: boolean;
  readonly contentChecksum: boolean;
  readonly dictionaryId: boolean;
}

/**
 * Decompresses LZ4 frames (lz4_Frame_format.md 1.6.4, lz4_Block_format.md; blocks linked or not, checksums checked,
 * no preset dictionary) into `output`, whose length must be exactly what they hold; writes nothing beyond it.
 * Throws INVALID_ARGUMENT: malformed_lz4, size_mismatch.
 */
export function decompressLz4Frame(input: Uint8Array, output: Uint8Array): void {
  const view = new DataView(input.buffer, input.byteOffset, input.length);
  let from = 0;
  let to = 0;
  while (from < input.length) {
    const word = u32(view, from);
    if ((word & 0xfffffff0) >>> 0 === skippableMagic) from += 8 + u32(view, from + 4);
    else if (word === magic) ({ from, to } = readFrame(view, input, from + 4, output, to));
    else throw malformed('no frame magic', from);
  }
  if (from !== input.length) throw malformed('frame ends early', from);
  if (to !== output.length) {
    throw new CodedError('INVALID_ARGUMENT', 'size_mismatch', `LZ4 frame holds ${to} bytes where ${output.length} were declared`);
  }
}

interface Position {
  readonly from: number;
  readonly to: number;
}

function readFrame(view: DataView, input: Uint8Array, start: number, output: Uint8Array, outputStart: number): Position {
  const flags = readFlags(u8(view, start));
  const descriptorEnd = start + 2 + (flags.contentSize ? 8 : 0) + (flags.dictionaryId ? 4 : 0);
  const headerChecksum = u8(view, descriptorEnd);
  if (((xxhash32(input.subarray(start, descriptorEnd)) >>> 8) & 0xff) !== headerChecksum) throw malformed('header checksum', start);
  if (flags.dictionaryId) throw malformed('preset dictionary', start);
  const blocks = readBlocks(view, input, descriptorEnd + 1, output, outputStart, flags);
  if (!flags.contentChecksum) return blocks;
  if (u32(view, blocks.from) !== xxhash32(output.subarray(outputStart, blocks.to))) throw malformed('content checksum', blocks.from);
  return { from: blocks.from + 4, to: blocks.to };
}

function readFlags(byte: number): FrameFlags {
  if (byte >>> 6 !== 1 || (byte & 0b10) !== 0) throw malformed(`frame version or flags ${byte}`, 0);
  return {
    blockChecksum: (byte & 0x10) !== 0,
    contentSize: (byte & 0x08) !== 0,
    contentChecksum: (byte & 0x04) !== 0,
    dictionaryId: (byte & 0x01) !== 0,
  };
}

function readBlocks(view: DataView, input: Uint8Array, start: number, output: Uint8Array, outputStart: number, flags: FrameFlags): Position {
  let from = start;
  let to = outputStart;
  for (;;) {
    const header = u32(view, from);
    from += 4;
    if (header === 0) return { from, to };
    const length = header & 0x7fffffff;
    if (length > input.length - from) throw malformed('block longer than the input', from);
    const block = input.subarray(from, from + length);
    to = header >>> 31 === 1 ? storeBlock(block, output, to) : expandBlock(block, output, outputStart, to);
    from += length;
    if (flags.blockChecksum) {
      if (u32(view, from) !== xxhash32(block)) throw malformed('block checksum', from);
      from += 4;
    }
  }
}

function storeBlock(block: Uint8Array, output: Uint8Array, to: number): number {
  if (block.length > output.length - to) throw overflow(output);
  output.set(block, to);
  return to + block.length;
}

/** Expands the sequences of one block: token, literals, match distance, match (lz4_Block_format.md). Gives the new end. */
function expandBlock(block: Uint8Array, output: Uint8Array, windowStart: number, start: number): number {
  let from = 0;
  let to = start;
  while (from < block.length) {
    const token = block[from++];
    const literals = readLength(block, from, token >>> 4);
    from = literals.from;
    if (literals.length > block.length - from) throw malformed('literals longer than the block', from);
    if (literals.length > output.length - to) throw overflow(output);
    output.set(block.subarray(from, from + literals.length), to);
    from += literals.length;
    to += literals.length;
    if (from === block.length) return to;

    if (block.length - from < 2) throw malformed('match distance', from);
    const distance = block[from] | (block[from + 1] << 8);
    if (distance === 0 || distance > to - windowStart) throw malformed('match before the frame', from);
    const match = readLength(block, from + 2, token & 15);
    from = match.from;
    const end = to + match.length + matchLengthMin;
    if (end > output.length) throw overflow(output);
    for (; to < end; to++) output[to] = output[to - distance];
  }
  throw malformed('block without last literals', from);
}

/** A length of a token's four bits, and where 15, of the bytes that go on adding to it until one is not 255. */
function readLength(block: Uint8Array, start: number, bits: number): { length: number; from: number } {
  let from = start;
  let length = bits;
  let byte = bits === 15 ? 255 : 0;
  while (byte === 255) {
    if (from >= block.length) throw malformed('length', from);
    byte = block[from++];
    length += byte;
  }
  return { length, from };
}

function u8(view: DataView, offset: number): number {
  if (offset >= view.byteLength) throw malformed('frame ends early', offset);
  return view.getUint8(offset);
}

function u32(view: DataView, offset: number): number {
  if (offset + 4 > view.byteLength) throw malformed('frame ends early', offset);
  return view.getUint32(offset, true);
}

function malformed(detail: string, offset: number): CodedError {
  return new CodedError('INVALID_ARGUMENT', 'malformed_lz4', `malformed LZ4 frame at byte ${offset}: ${detail}`);
}

function overflow(output: Uint8Array): CodedError {
  return new CodedError('INVALID_ARGUMENT', 'size_mismatch', `LZ4 frame holds more than the ${output.length} bytes that were declared`);
}
