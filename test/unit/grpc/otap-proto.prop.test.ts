import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import protobuf from 'protobufjs';
import { describe, expect, it } from 'vitest';
import { CodedError } from '../../../src/base/errors.ts';
import {
  decodeBatchArrowRecords,
  encodeBatchArrowRecords,
  payloadCountMax,
} from '../../../src/otap/proto/batch-arrow-records.ts';
import { decodeBatchStatus, encodeBatchStatus } from '../../../src/otap/proto/batch-status.ts';

const root = protobuf.parse(readFileSync(new URL('../../../proto/otap.proto', import.meta.url), 'utf8')).root;
const Batch = root.lookupType('opentelemetry.proto.experimental.arrow.v1.BatchArrowRecords');
const Status = root.lookupType('opentelemetry.proto.experimental.arrow.v1.BatchStatus');

const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const payload = fc.record({
  schemaId: fc.string({ unit: 'binary', maxLength: 40 }),
  type: fc.nat(0x7fffffff),
  record: fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 4 }),
});

/** A message as protobufjs's reflection reads it, in plain values. */
function byReflection(type: protobuf.Type, bytes: Uint8Array): Record<string, unknown> {
  return type.toObject(type.decode(bytes), { longs: String, defaults: true, arrays: true });
}

function plain(payloads: readonly { schemaId: string; type: number; record: Uint8Array }[]): unknown[] {
  return payloads.map((each) => ({ ...each, record: [...each.record] }));
}

function reflected(bytes: Uint8Array): { batchId: bigint; payloads: unknown[] } {
  const object = byReflection(Batch, bytes);
  const payloads = object['arrowPayloads'] as { schemaId: string; type: number; record: Uint8Array }[];
  return { batchId: BigInt(String(object['batchId'])), payloads: plain(payloads) };
}

describe('BatchArrowRecords against protobufjs reflection', () => {
  it('is read by reflection as it was encoded', () => {
    fc.assert(
      fc.property(int64, fc.array(payload, { maxLength: 6 }), (batchId, payloads) => {
        const seen = reflected(encodeBatchArrowRecords(batchId, payloads));
        const wanted = payloads.map((each) => ({ ...each, record: Buffer.concat(each.record) }));
        expect(seen).toEqual({ batchId, payloads: plain(wanted) });
      }),
    );
  });

  it('decodes what reflection encodes, with headers and unknown fields skipped', () => {
    fc.assert(
      fc.property(int64, fc.array(payload, { maxLength: 6 }), fc.uint8Array(), fc.nat(1000), (batchId, payloads, headers, extra) => {
        const joined = payloads.map((each) => ({ ...each, record: Buffer.concat(each.record) }));
        const writer = Batch.encode(
          Batch.fromObject({ batchId: String(batchId), arrowPayloads: joined, headers }),
        );
        const bytes = writer.uint32((90 << 3) | 0).uint32(extra).uint32((91 << 3) | 5).fixed32(extra)
          .uint32((92 << 3) | 1).fixed64(extra).uint32((93 << 3) | 2).string('later').finish();
        const seen = decodeBatchArrowRecords(bytes);
        expect({ ...seen, payloads: plain(seen.payloads) }).toEqual({ batchId, payloads: plain(joined) });
      }),
    );
  });

  it('gives records as views and not as copies', () => {
    const bytes = encodeBatchArrowRecords(7n, [{ schemaId: '1', type: 40, record: [Uint8Array.of(1, 2, 3)] }]);
    const record = decodeBatchArrowRecords(bytes).payloads[0].record;
    bytes[bytes.length - 1] = 9;
    expect([...record]).toEqual([1, 2, 9]);
  });
});

describe('BatchStatus against protobufjs reflection', () => {
  it('goes both ways', () => {
    fc.assert(
      fc.property(int64, fc.nat(16), fc.string({ unit: 'binary' }), (batchId, statusCode, statusMessage) => {
        const bytes = encodeBatchStatus({ batchId, statusCode, statusMessage });
        expect(byReflection(Status, bytes)).toEqual({ batchId: String(batchId), statusCode, statusMessage });
        const message = { batchId: String(batchId), statusCode, statusMessage };
        expect(decodeBatchStatus(Status.encode(Status.fromObject(message)).finish())).toEqual({ batchId, statusCode, statusMessage });
      }),
    );
  });
});

describe('hostile messages', () => {
  const valid = encodeBatchArrowRecords(3n, [{ schemaId: '12', type: 40, record: [new Uint8Array(50).fill(1)] }]);

  function refusal(bytes: Uint8Array): CodedError {
    try {
      decodeBatchArrowRecords(bytes);
    } catch (error) {
      if (error instanceof CodedError) return error;
      throw error;
    }
    throw new Error('was accepted');
  }

  it('refuses every truncation that cuts a field', () => {
    for (let length = 3; length < valid.length; length++) {
      expect(refusal(valid.subarray(0, length))).toMatchObject({ status: 'INVALID_ARGUMENT', reason: 'malformed_protobuf' });
    }
  });

  it('answers any bytes with a message or a CodedError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.nat(), fc.nat(255), (noise, place, value) => {
        const altered = Uint8Array.from(valid);
        altered[place % altered.length] = value;
        for (const bytes of [noise, altered]) {
          for (const decode of [decodeBatchArrowRecords, decodeBatchStatus]) {
            try {
              decode(bytes);
            } catch (error) {
              expect(error).toBeInstanceOf(CodedError);
            }
          }
        }
      }),
      { numRuns: 2000 },
    );
  });

  it.each([
    ['a length of 4 GB', [0x12, 0xff, 0xff, 0xff, 0xff, 0x0f]],
    ['a varint without end', [0x08, ...new Array<number>(11).fill(0xff)]],
    ['a group', [0x0b, 0x0c]],
    ['field number 0', [0x00, 0x00]],
    ['a schema id that is no UTF-8', [0x12, 0x03, 0x0a, 0x01, 0xff]],
    ['a payload that is longer than its message', [0x12, 0x02, 0x1a, 0x05, 1, 2, 3, 4, 5]],
  ])('refuses %s', (_, bytes) => {
    expect(refusal(Uint8Array.from(bytes)).reason).toBe('malformed_protobuf');
  });

  it('refuses more payloads than the limit', () => {
    const payloads = new Array<{ schemaId: string; type: number; record: Uint8Array[] }>(payloadCountMax + 1)
      .fill({ schemaId: '1', type: 40, record: [] });
    expect(refusal(encodeBatchArrowRecords(0n, payloads)).reason).toBe('too_many_payloads');
    expect(decodeBatchArrowRecords(encodeBatchArrowRecords(0n, payloads.slice(1))).payloads).toHaveLength(payloadCountMax);
  });
});
