import { Ajv } from 'ajv';
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { describe, expect, test } from 'vitest';
import { packageFile } from '../../../src/base/package-paths.ts';
import { configMarkdown, configSchema } from '../../../src/config/documents.ts';

// To write them anew: npm run -s test:only -- test/unit/config/documents.test.ts -u
describe('generated documents are fresh', () => {
  test('docs/config.md', async () => {
    await expect(configMarkdown()).toMatchFileSnapshot(packageFile('docs/config.md'));
  });

  test('config/thresher.schema.json', async () => {
    await expect(`${JSON.stringify(configSchema(), null, 2)}\n`).toMatchFileSnapshot(packageFile('config/thresher.schema.json'));
  });
});

describe('the JSON Schema', () => {
  const validate = new Ajv({ strict: false, allErrors: true }).compile(configSchema());

  test.each(['default.yaml', 'example.yaml'])('accepts config/%s', (name) => {
    validate(parse(readFileSync(packageFile(`config/${name}`), 'utf8')));
    expect(validate.errors).toBe(null);
  });

  test.each([
    [{ windows: { traces: { length: '${env:LENGTH:-10s}' } } }, true],
    [{ receivers: { otlp: { grpc: null }, 'otlp/b': { grpc: {} } } }, true],
    [{ memory: { limit: 4_000_000 } }, true],
    [{ memory: { limit: 'auto' } }, true],
    [{ memory: { limit: 'half' } }, false],
    [{ windows: { traces: { lenght: '10s' } } }, false],
    [{ windows: { traces: { length: 10 } } }, false],
    [{ receivers: { otlp: {} } }, false],
    [{ receivers: { nope: {} } }, false],
    [{ exporters: { otap: { endpoint: 'backend' } } }, false],
    [{ policy: { fallback: { probability: 2 } } }, false],
  ])('judges %j as %s', (config, valid) => {
    expect(validate(config)).toBe(valid);
  });
});
