import protobuf from 'protobufjs';
import { describe, expect, test } from 'vitest';
import { packageFile } from '../../../src/base/package-paths.ts';
import { rateOf, strategyJson, strategyOperationsMax, strategyProtobuf, toldOperations } from '../../../src/head/strategy.ts';

const response = protobuf.loadSync(packageFile('proto/jaeger-sampling.proto')).lookupType('jaeger.api_v2.SamplingStrategyResponse');

function read(bytes: Uint8Array): { readonly [field: string]: unknown } {
  return response.toObject(response.decode(bytes), { enums: String });
}

describe('the answer', () => {
  test('is what Jaeger\'s protocol has of one rate, and nothing else', () => {
    expect(strategyJson({ rate: 0.25, operations: [] })).toBe('{"strategyType":"PROBABILISTIC","probabilisticSampling":{"samplingRate":0.25}}');
    expect(read(strategyProtobuf({ rate: 0.25, operations: [] }))).toEqual({ probabilisticSampling: { samplingRate: 0.25 } });
  });

  test('of a rate of 0 still holds the message that a client reads it from', () => {
    expect(strategyJson({ rate: 0, operations: [] })).toContain('"samplingRate":0}');
    expect(read(strategyProtobuf({ rate: 0, operations: [{ operation: 'x', rate: 0 }] }))).toEqual({
      probabilisticSampling: {}, operationSampling: { perOperationStrategies: [{ operation: 'x', probabilisticSampling: {} }], defaultUpperBoundTracesPerSecond: 1e6 } });
  });

  test('with operations has all four fields, in JSON and in protobuf', () => {
    const operations = [{ operation: 'GET /ä', rate: 0.001 }, { operation: 'x'.repeat(300), rate: 0.5 }];
    const json: unknown = JSON.parse(strategyJson({ rate: 0.75, operations }));
    const expected = {
      defaultSamplingProbability: 0.75, defaultLowerBoundTracesPerSecond: 0, defaultUpperBoundTracesPerSecond: 1e6,
      perOperationStrategies: operations.map(({ operation, rate }) => ({ operation, probabilisticSampling: { samplingRate: rate } })) };
    expect(json).toEqual({ strategyType: 'PROBABILISTIC', probabilisticSampling: { samplingRate: 0.75 }, operationSampling: expected });
    const { defaultLowerBoundTracesPerSecond: _, ...rest } = expected;
    expect(read(strategyProtobuf({ rate: 0.75, operations }))).toEqual({ probabilisticSampling: { samplingRate: 0.75 }, operationSampling: rest });
  });
});

describe('which operations are told', () => {
  test('those with less than the service, least first, 256 at most', () => {
    expect(toldOperations(0.5, [{ operation: 'a', rate: 0.5 }, { operation: 'b', rate: 0.1 }, { operation: 'c', rate: 0.01 }]).map(({ operation }) => operation)).toEqual(['c', 'b']);
    const many = Array.from({ length: 1000 }, (_, i) => ({ operation: `op${String(i).padStart(4, '0')}`, rate: 0.9 - i / 1200 }));
    const told = toldOperations(1, many);
    expect(told.length).toBe(strategyOperationsMax);
    expect(told[0].operation).toBe('op0999');
    expect(rateOf({ service: 's', rate: 1, reason: '', changedNano: 0n, operations: told }, 'op0000')).toBe(1);
  });

  test('a name that others begin with has the greatest rate of them: spans are renamed after they began', () => {
    const told = toldOperations(1, [{ operation: 'GET', rate: 0.001 }, { operation: 'GET /a', rate: 0.2 }, { operation: 'GET /b', rate: 0.01 }, { operation: 'GETTING', rate: 0.4 }]);
    expect(Object.fromEntries(told.map(({ operation, rate }) => [operation, rate]))).toEqual({ 'GET': 0.2, 'GET /a': 0.2, 'GET /b': 0.01, 'GETTING': 0.4 });
  });
});
