import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseConfig } from '../../../src/config/load.ts';
import { convert } from '../../../src/convert/convert.ts';
import { checkCombination } from '../../../src/pipeline/combining.ts';
import { PolicyChecker } from '../../../src/policy/check/policy-checker.ts';
import { sqlFunctionFiles } from '../../../src/sampling/sql-functions.ts';
import { combined, dropOf, leaves } from './tail-sampling-policies.ts';

let checker: PolicyChecker;

beforeAll(async () => {
  checker = await PolicyChecker.open(sqlFunctionFiles());
});

afterAll(() => checker.close());

const more = [
  { name: 'share', type: 'probabilistic', probabilistic: { sampling_percentage: 1 } },
  { name: 'rate', type: 'rate_limiting', rate_limiting: { spans_per_second: 35 } },
  { name: 'bytes', type: 'bytes_limiting', bytes_limiting: { bytes_per_second: 35_000 } },
  { name: 'rate_and_share', type: 'and', and: { and_sub_policy: [{ name: 's', type: 'probabilistic', probabilistic: { sampling_percentage: 1 } }, { name: 'r', type: 'rate_limiting', rate_limiting: { spans_per_second: 35 } }] } },
  {
    name: 'composite', type: 'composite', composite: {
      max_total_spans_per_second: 600,
      composite_sub_policy: [leaves[1], { name: 's', type: 'probabilistic', probabilistic: { sampling_percentage: 1 } }],
    },
  },
  ...leaves.filter(({ type }) => type !== 'trace_state').map((leaf) => dropOf(`drop_${String(leaf['name'])}`, [leaf])),
];

const refinery = `
__default__:
  RulesBasedSampler:
    Rules:
      - { Name: health, Drop: true, Scope: span, Conditions: [{ Field: root.http.route, Operator: '=', Value: /health }] }
      - { Name: errors, SampleRate: 1, Conditions: [{ Field: error, Operator: exists }, { Field: http.response.status_code, Operator: '>=', Value: 500, Datatype: int }] }
      - { Name: noise, Drop: true, Conditions: [{ Fields: [a, b], Operator: not-in, Value: [x, y] }] }
      - { Name: keys, Conditions: [{ Field: duration_ms, Operator: '>', Value: 1.5 }], Sampler: { DynamicSampler: { SampleRate: 5, FieldList: [root.service.name, root.status_code, root.error] } } }
      - { Name: ema, Sampler: { EMADynamicSampler: { GoalSampleRate: 15, FieldList: [http.route, k], UseTraceLength: true } } }
ema: { EMAThroughputSampler: { GoalThroughputPerSec: 100, FieldList: [root.name] } }
windowed: { WindowedThroughputSampler: { GoalThroughputPerSec: 100, FieldList: [root.name] } }
total: { TotalThroughputSampler: { GoalThroughputPerSec: 100, FieldList: [root.name] } }
deterministic: { DeterministicSampler: { SampleRate: 7 } }
`;

const sources = [
  { name: 'tail_sampling', select: null, value: { processors: { tail_sampling: { decision_wait: '7s', decision_cache: { sampled_cache_size: 7 }, policies: [...leaves, ...combined, ...more] } } } },
  ...['__default__', 'ema', 'windowed', 'total', 'deterministic'].map((select) => ({ name: `Refinery ${select}`, select, value: { Samplers: parse(refinery) } })),
];

test.each(sources)('$name: policies pass strict checks, and the configuration runs them', async ({ value, select }) => {
  const { files, findings } = convert({ value, select, source: 'source.yaml', bytesPerSpan: 500 });
  expect(findings.filter(({ severity }) => severity === 'error')).toEqual([]);
  const policies = [];
  for (const { name, text } of files.filter((file) => file.name.endsWith('.sql'))) {
    const report = await checker.check(name, text);
    expect(report.findings.filter(({ severity }) => severity !== 'note').map(({ message }) => `${name}: ${message}\n${text}`)).toEqual([]);
    if (report.policy !== null) policies.push(report.policy);
  }
  const folder = mkdtempSync(join(tmpdir(), 'convert-'));
  try {
    for (const { name, text } of files) writeFileSync(join(folder, name), text);
    const config = parseConfig({ text: files[files.length - 1].text, name: 'thresher.yaml', environment: {}, directory: folder });
    expect(config.policies.files.length).toBe(policies.length);
    checkCombination(policies, config.policy.combine);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
