import { CodedError } from '../base/errors.ts';

/** One frame of Zstandard data. */
export interface ZstdFrame {
  /** The frame with its header, as a view. */
  readonly bytes: Uint8Array;
  /** What the header says of the decompressed size; null when it does not say. */
  readonly contentBytes: number | null;
}

const magic = 0xfd2fb528;
const skippableMagic = 0x184d2a50;
const blockTypeRle = 1;
const blockTypeReserved = 3;
/** Real senders write one; each costs a call into zstd, so that a message of empty frames would be a way to burn CPU. */
const framesMax = 64;

/**
 * Splits Zstandard data into its frames by block headers alone (RFC 8878, section 3.1); skippable frames are left out.
 * Node's one-shot functions decode the first frame only and say nothing of what follows it, so a message of two frames
 * would lose its end in silence. Throws INTERNAL / undecodable_message.
 */
export function zstdFrames(data: Uint8Array): ZstdFrame[] {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const frames: ZstdFrame[] = [];
  let position = 0;
  while (position < data.length) {
    if (data.length - position < 5) throw malformed('cut frame header');
    const id = view.getUint32(position, true);
    if ((id & 0xfffffff0) >>> 0 === skippableMagic) {
      position = skippableEnd(view, position);
    } else if (id === magic) {
      if (frames.length === framesMax) throw malformed(`more than ${framesMax} frames in a message`);
      const end = frameEnd(view, position);
      frames.push({ bytes: data.subarray(position, end), contentBytes: contentBytes(view, position) });
      position = end;
    } else throw malformed('not a Zstandard frame');
  }
  return frames;
}

/** False for data of several frames or with skippable ones: many decoders, node:zlib's too, read the first frame only. Throws as `zstdFrames`. */
export function isOneZstdFrame(data: Uint8Array): boolean {
  const frames = zstdFrames(data);
  return frames.length === 1 && frames[0].bytes.length === data.length;
}

function malformed(detail: string): CodedError {
  return new CodedError('INTERNAL', 'undecodable_message', `zstd: ${detail}`);
}

function skippableEnd(view: DataView, start: number): number {
  if (view.byteLength - start < 8) throw malformed('cut skippable frame');
  const end = start + 8 + view.getUint32(start + 4, true);
  if (end > view.byteLength) throw malformed('cut skippable frame');
  return end;
}

/** Bytes of the frame content size field, by the frame header descriptor (section 3.1.1.1.1). */
function contentSizeBytes(descriptor: number): number {
  const flag = descriptor >>> 6;
  if (flag === 0) return (descriptor & 0x20) !== 0 ? 1 : 0;
  return 1 << flag;
}

/** Bytes of window descriptor and dictionary id. */
function windowAndDictionaryBytes(descriptor: number): number {
  const windowBytes = (descriptor & 0x20) !== 0 ? 0 : 1;
  return windowBytes + [0, 1, 2, 4][descriptor & 3];
}

function frameEnd(view: DataView, start: number): number {
  const descriptor = view.getUint8(start + 4);
  let position = start + 5 + windowAndDictionaryBytes(descriptor) + contentSizeBytes(descriptor);
  for (let last = false; !last;) {
    if (position + 3 > view.byteLength) throw malformed('cut block');
    const header = view.getUint16(position, true) | (view.getUint8(position + 2) << 16);
    const type = (header >>> 1) & 3;
    if (type === blockTypeReserved) throw malformed('reserved block type');
    last = (header & 1) === 1;
    position += 3 + (type === blockTypeRle ? 1 : header >>> 3);
  }
  const end = position + ((descriptor & 4) !== 0 ? 4 : 0);
  if (end > view.byteLength) throw malformed('cut frame');
  return end;
}

function contentBytes(view: DataView, start: number): number | null {
  const descriptor = view.getUint8(start + 4);
  const at = start + 5 + windowAndDictionaryBytes(descriptor);
  switch (contentSizeBytes(descriptor)) {
    case 1:
      return view.getUint8(at);
    case 2:
      return view.getUint16(at, true) + 256;
    case 4:
      return view.getUint32(at, true);
    case 8:
      return Number(view.getBigUint64(at, true));
    default:
      return null;
  }
}
