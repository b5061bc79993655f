import { describe, expect, test } from 'vitest';
import { BadStrategyError, parseRates } from '../../../src/sampler/rates.ts';
import { operationsAnswer, rateAnswer } from '../../support/head-server.ts';

describe('an answer of a sampling endpoint', () => {
  test('with one rate', () => {
    expect(parseRates(rateAnswer(0.25).body)).toEqual({ defaultRate: 0.25, operations: new Map() });
  });

  test('with operations: their default wins', () => {
    const body = JSON.stringify({ ...JSON.parse(operationsAnswer(0.1, { 'GET /': 0.5, 'POST /': 0 }).body) as object, probabilisticSampling: { samplingRate: 0.9 } });
    expect(parseRates(body)).toEqual({ defaultRate: 0.1, operations: new Map([['GET /', 0.5], ['POST /', 0]]) });
  });

  test('with the strategy as a number, or left out, as protobuf\'s zero is', () => {
    expect(parseRates('{"strategyType":0,"probabilisticSampling":{"samplingRate":1}}').defaultRate).toBe(1);
    expect(parseRates('{"probabilisticSampling":{"samplingRate":1}}').defaultRate).toBe(1);
  });

  test.each([
    '', 'nope', '[]', 'null', '{}', '{"probabilisticSampling":{}}', '{"probabilisticSampling":{"samplingRate":1.5}}', '{"probabilisticSampling":{"samplingRate":-0.1}}',
    '{"probabilisticSampling":{"samplingRate":"0.5"}}', '{"probabilisticSampling":{"samplingRate":null}}', '{"strategyType":"RATE_LIMITING","rateLimitingSampling":{"maxTracesPerSecond":2}}',
    '{"operationSampling":{}}', '{"operationSampling":{"defaultSamplingProbability":0.5,"perOperationStrategies":{}}}',
    '{"operationSampling":{"defaultSamplingProbability":0.5,"perOperationStrategies":[{"operation":"x"}]}}',
    '{"operationSampling":{"defaultSamplingProbability":0.5,"perOperationStrategies":[{"probabilisticSampling":{"samplingRate":1}}]}}',
    JSON.stringify({ operationSampling: { defaultSamplingProbability: 1, perOperationStrategies: Array.from({ length: 2001 }, (_, i) => ({ operation: `${i}`, probabilisticSampling: { samplingRate: 1 } })) } }),
  ])('that cannot be used is refused: %.80s', (text) => {
    expect(() => parseRates(text)).toThrow(BadStrategyError);
  });
});
