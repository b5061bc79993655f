import zlib from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CodedError } from '../../../src/base/errors.ts';
import { deflateMessage, isMessageEncoding, MessageInflater, messageEncodings, offThreadBytesMin, type MessageEncoding } from '../../../src/grpc/message-encoding.ts';
import { zstdFrames } from '../../../src/grpc/zstd-frames.ts';

const compressing = messageEncodings.filter((encoding) => encoding !== 'identity');
const bytesMax = 2_000_000;

/** Bytes that compress about as telemetry does, from a seed. */
function sample(length: number, seed: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let i = 0; i < length; i++) bytes[i] = (Math.imul(i >>> 3, seed | 1) >>> 24) & 0x3f;
  return bytes;
}

async function refusal(encoding: MessageEncoding, bytes: Uint8Array, limit = bytesMax): Promise<CodedError> {
  try {
    await new MessageInflater(encoding, limit).inflate(bytes);
  } catch (error) {
    if (error instanceof CodedError) return error;
    throw error;
  }
  throw new Error('was accepted');
}

/** zstd as a stream writes it: no content size in the header. */
function zstdStreamed(bytes: Buffer, options: zlib.ZstdOptions = {}): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    const stream = zlib.createZstdCompress(options);
    stream.on('data', (part: Buffer) => parts.push(part)).on('end', () => resolve(Buffer.concat(parts))).on('error', reject);
    stream.write(bytes.subarray(0, 1));
    stream.flush(() => stream.end(bytes.subarray(1)));
  });
}

describe('message encodings', () => {
  it.each(compressing)('%s: inflates what it deflates, in all sizes, with one inflater', async (encoding) => {
    const inflater = new MessageInflater(encoding, bytesMax);
    for (const [index, length] of [1, 100, 16_384, 5, 300_000, offThreadBytesMin, 0, 1_500_000, 40_000, 3].entries()) {
      const message = sample(length, index);
      expect(Buffer.from(await inflater.inflate(await deflateMessage(encoding, message)))).toEqual(message);
    }
  });

  it.each(compressing)('%s: holds to the limit exactly', async (encoding) => {
    const deflated = await deflateMessage(encoding, sample(10_000, 3));
    expect(await new MessageInflater(encoding, 10_000).inflate(deflated)).toHaveLength(10_000);
    expect(await refusal(encoding, deflated, 9999)).toMatchObject({ status: 'RESOURCE_EXHAUSTED', reason: 'message_too_large' });
  });

  it.each(compressing)('%s: a bomb costs no more than the limit', async (encoding) => {
    const bomb = await deflateMessage(encoding, Buffer.alloc(100_000_000));
    const before = process.memoryUsage().arrayBuffers;
    expect((await refusal(encoding, bomb)).reason).toBe('message_too_large');
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(4 * bytesMax);
  });

  it('takes a zstd stream without content size, small and large', async () => {
    const inflater = new MessageInflater('zstdarrow5', bytesMax);
    for (const length of [10, 20_000, 600_000, 1_900_000]) {
      const message = sample(length, 9);
      expect(Buffer.from(await inflater.inflate(await zstdStreamed(message)))).toEqual(message);
    }
    expect(await refusal('zstd', await zstdStreamed(Buffer.alloc(5_000_000)))).toMatchObject({ reason: 'message_too_large' });
  });

  it('refuses a zstd frame that asks for a window above 32 MiB', async () => {
    const wide = await zstdStreamed(sample(1000, 1), { params: { [zlib.constants.ZSTD_c_windowLog]: 27 } });
    expect(await refusal('zstd', wide)).toMatchObject({ status: 'INTERNAL', reason: 'undecodable_message' });
  });

  it('reads every frame of a message of several, and skippable ones not at all', async () => {
    const parts = [sample(500, 1), sample(300_000, 2), Buffer.alloc(0), sample(7, 3)];
    const skippable = Buffer.from([0x53, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 9, 9]);
    const message = Buffer.concat([skippable, ...parts.map((part) => zlib.zstdCompressSync(part)), skippable]);
    expect(Buffer.from(await new MessageInflater('zstd', bytesMax).inflate(message))).toEqual(Buffer.concat(parts));
    expect(await refusal('zstd', Buffer.concat([message, Buffer.from('tail')]))).toMatchObject({ reason: 'undecodable_message' });
    const many = Buffer.concat(new Array<Buffer>(65).fill(zlib.zstdCompressSync(Buffer.from('x'))));
    expect(await refusal('zstd', many)).toMatchObject({ reason: 'undecodable_message' });
    const together = Buffer.concat(new Array<Buffer>(5).fill(zlib.zstdCompressSync(Buffer.alloc(500_000))));
    expect(await refusal('zstd', together)).toMatchObject({ reason: 'message_too_large' });
  });

  it.each(compressing)('%s: cut, altered or random bytes are refused or inflate to something within the limit', async (encoding) => {
    const valid = Buffer.from(await deflateMessage(encoding, sample(3000, 5)));
    for (let length = 1; length < valid.length - 8; length += 3) expect((await refusal(encoding, valid.subarray(0, length))).status).toBe('INTERNAL');
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 200 }), fc.nat(), fc.nat(255), async (noise, place, value) => {
        const altered = Buffer.from(valid);
        altered[place % altered.length] = value;
        for (const bytes of [noise, altered]) {
          const error = await Promise.resolve().then(() => new MessageInflater(encoding, 10_000).inflate(bytes)).then((inflated) => {
            expect(inflated.length).toBeLessThanOrEqual(10_000);
            return null;
          }, (thrown: unknown) => thrown);
          if (error !== null) expect(error).toBeInstanceOf(CodedError);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('knows the names that real senders use, and no others', () => {
    for (const name of ['identity', 'gzip', 'deflate', 'zstd', 'zstdarrow1', 'zstdarrow10']) expect(isMessageEncoding(name)).toBe(true);
    for (const name of ['', 'snappy', 'zstdarrow0', 'zstdarrow11', 'ZSTD', 'constructor']) expect(isMessageEncoding(name)).toBe(false);
  });

  it('uses the level', async () => {
    const message = sample(200_000, 77);
    const lengths = await Promise.all([1, 19].map(async (level) => (await deflateMessage('zstd', message, level)).length));
    expect(lengths[1]).toBeLessThan(lengths[0]);
  });
});

describe('zstdFrames', () => {
  it('finds the ends of frames of every kind of header, and their sizes', async () => {
    for (const length of [0, 1, 255, 256, 65_791, 65_792, 300_000]) {
      for (const checksum of [0, 1]) {
        const message = sample(length, 4);
        const options = { params: { [zlib.constants.ZSTD_c_checksumFlag]: checksum } };
        const sized = zlib.zstdCompressSync(message, { ...options, pledgedSrcSize: length });
        const streamed = length === 0 ? sized : await zstdStreamed(message, options);
        const frames = zstdFrames(Buffer.concat([sized, streamed, sized]));
        expect(frames.map(({ bytes }) => bytes.length)).toEqual([sized.length, streamed.length, sized.length]);
        expect(frames[0].contentBytes).toBe(length);
        if (length > 0) expect(frames[1].contentBytes).toBeNull();
      }
    }
  });
});
