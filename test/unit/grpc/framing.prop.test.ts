import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CodedError } from '../../../src/base/errors.ts';
import { encodeFrame, FrameReader } from '../../../src/grpc/framing.ts';

/** Every frame of `bytes`, cut into chunks at `cuts`; also checks what `push` says of readiness. */
function readInChunks(bytes: Buffer, cuts: readonly number[], bytesMax: number): { compressed: boolean; payload: Buffer }[] {
  const reader = new FrameReader(bytesMax);
  const frames: { compressed: boolean; payload: Buffer }[] = [];
  const ends = [...new Set(cuts.map((cut) => cut % (bytes.length + 1))), bytes.length].sort((a, b) => a - b);
  let start = 0;
  for (const end of ends) {
    const ready = reader.push(bytes.subarray(start, end));
    let taken = 0;
    for (let frame = reader.next(); frame !== null; frame = reader.next(), taken++) frames.push({ ...frame, payload: Buffer.from(frame.payload) });
    // A frame that nobody is woken for would hang its stream; a needless wake is allowed only for a cut header.
    if (taken > 0) expect(ready).toBe(true);
    start = end;
  }
  reader.assertComplete();
  return frames;
}

describe('FrameReader', () => {
  it('gives the frames that were written, however the bytes are cut', () => {
    const frame = fc.record({ compressed: fc.boolean(), payload: fc.uint8Array({ maxLength: 200 }) });
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 20 }), fc.array(fc.nat(), { maxLength: 50 }), (frames, cuts) => {
        const bytes = Buffer.concat(frames.map(({ payload, compressed }) => encodeFrame(payload, compressed)));
        expect(readInChunks(bytes, cuts, 200)).toEqual(frames.map(({ compressed, payload }) => ({ compressed, payload: Buffer.from(payload) })));
      }),
      { numRuns: 500 },
    );
  });

  it('writes the prefix of the gRPC specification', () => {
    expect([...encodeFrame(new Uint8Array(258), true).subarray(0, 6)]).toEqual([1, 0, 0, 1, 2, 0]);
  });

  it('answers any bytes with frames or a CodedError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.array(fc.nat(), { maxLength: 10 }), (bytes, cuts) => {
        try {
          readInChunks(Buffer.from(bytes), cuts, 50);
        } catch (error) {
          expect(error).toBeInstanceOf(CodedError);
        }
      }),
    );
  });

  it('refuses a length over the limit at its prefix, before any byte of the message', () => {
    const reader = new FrameReader(1000);
    expect(reader.push(Buffer.from([0, 0, 0, 3, 0xe9]))).toBe(true);
    expect(() => reader.next()).toThrow(expect.objectContaining({ status: 'RESOURCE_EXHAUSTED', reason: 'message_too_large' }));
    const atLimit = new FrameReader(1000);
    atLimit.push(encodeFrame(new Uint8Array(1000), false));
    expect(atLimit.next()?.payload).toHaveLength(1000);
  });
});
