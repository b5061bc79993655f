import { expect, test } from 'vitest';
import { costOfJson } from '../../../bench/otlp-json.ts';
import { readTruth } from '../../support/otlp-truth.ts';

test('the bench of OTLP\'s JSON measures all three ways over the same spans', () => {
  const cost = costOfJson(readTruth('traces_zstd').slice(0, 3), 1);
  expect(cost.bytesPerSpan).toBeGreaterThan(500);
  for (const micros of [cost.ours, cost.jsonParse, cost.protobufjs]) expect(micros).toBeGreaterThan(0);
});
