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

/** Bytes of which about a quarter says something new. */
function noisy(length: number): Buffer {
  const bytes = sample(length, 7);
  for (let i = 0, state = 1; i < length; i += 4) bytes[i] = (state = Math.imul(state, 1_664_525) + 1_013_904_223) >>> 24;
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

  it.each(compressing)('%s: says before it works on another thread how much it takes there, and takes nothing where that is refused', async (encoding) => {
    const inflater = new MessageInflater(encoding, bytesMax);
    const large = await deflateMessage(encoding, noisy(1_000_000));
    const reserved: number[] = [];
    expect(await inflater.inflate(await deflateMessage(encoding, sample(10_000, 7)), (bytes) => reserved.push(bytes))).toHaveLength(10_000);
    expect(reserved).toEqual([]);
    // The first time it may not know yet; then it does.
    await inflater.inflate(large);
    expect(await inflater.inflate(large, (bytes) => reserved.push(bytes))).toHaveLength(1_000_000);
    expect(reserved).toEqual([expect.any(Number)]);
    // By the size that is said where one is, else by how far messages have expanded.
    expect(reserved[0]).toBeGreaterThan(900_000);
    expect(reserved[0]).toBeLessThanOrEqual(encoding === 'deflate' ? bytesMax : 1_000_064);
    const before = process.memoryUsage().arrayBuffers;
    const refusing = (): void => {
      throw new CodedError('RESOURCE_EXHAUSTED', 'no_room', 'none');
    };
    for (let i = 0; i < 50; i++) expect(() => inflater.inflate(large, refusing)).toThrow(expect.objectContaining({ reason: 'no_room' }));
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(bytesMax);
  });

  it('takes gzip at its word on how long it is, but no further', async () => {
    const message = sample(100_000, 9);
    for (const claimed of [0, 1, 99_999, 100_001, bytesMax, bytesMax + 1, 2 ** 32 - 1]) {
      const lying = Buffer.from(zlib.gzipSync(message));
      lying.writeUInt32LE(claimed, lying.length - 4);
      const reserved: number[] = [];
      // zlib checks what it says, so that a lie is refused; but not before the bound was kept.
      await expect(Promise.resolve().then(() => new MessageInflater('gzip', bytesMax).inflate(lying, (bytes) => reserved.push(bytes)))).rejects.toMatchObject({ reason: 'undecodable_message' });
      expect(reserved.every((bytes) => bytes <= bytesMax)).toBe(true);
    }
  });

  it('reads gzip of several members, with padding behind them, and nothing else behind them', async () => {
    const members = Buffer.concat([zlib.gzipSync(sample(1000, 1)), zlib.gzipSync(sample(400_000, 2))]);
    const whole = Buffer.concat([sample(1000, 1), sample(400_000, 2)]);
    const inflater = new MessageInflater('gzip', bytesMax);
    expect(Buffer.from(await inflater.inflate(members))).toEqual(whole);
    expect(Buffer.from(await inflater.inflate(Buffer.concat([members, Buffer.alloc(512)])))).toEqual(whole);
    expect(await refusal('gzip', Buffer.concat([members, Buffer.from('tail')]))).toMatchObject({ reason: 'undecodable_message' });
    expect(await refusal('gzip', members.subarray(0, members.length - 9))).toMatchObject({ reason: 'undecodable_message' });
    expect(await refusal('gzip', members, 400_999)).toMatchObject({ reason: 'message_too_large' });
  });

  it('reads deflate without its header too', async () => {
    const message = sample(50_000, 3);
    expect(Buffer.from(await new MessageInflater('deflate', bytesMax).inflate(zlib.deflateRawSync(message)))).toEqual(message);
    for (const level of [0, 1, 6, 9]) expect(Buffer.from(await new MessageInflater('deflate', bytesMax).inflate(zlib.deflateSync(message, { level })))).toEqual(message);
  });

  it('knows the names that real senders use, and no others', () => {
    for (const name of ['identity', 'gzip', 'deflate', 'zstd', 'zstdarrow1', 'zstdarrow10']) expect(isMessageEncoding(name)).toBe(true);
    for (const name of ['', 'snappy', 'zstdarrow0', 'zstdarrow11', 'ZSTD', 'constructor']) expect(isMessageEncoding(name)).toBe(false);
  });

  it.each(['zstd', 'gzip', 'deflate'] as const)('uses the level of %s', async (encoding) => {
    for (const message of [sample(20_000, 77), sample(200_000, 77)]) {
      const [low, usual, high] = await Promise.all([1, undefined, 19].map(async (level) => (await deflateMessage(encoding, message, level)).length));
      expect(high).toBeLessThan(low);
      expect(usual).toBe((await deflateMessage(encoding, message, 3)).length);
    }
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
