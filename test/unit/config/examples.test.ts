import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { packageFile } from '../../../src/base/package-paths.ts';
import { ConfigError, parseConfig } from '../../../src/config/load.ts';

describe.each(['default.yaml', 'example.yaml'])('config/%s', (name) => {
  const text = readFileSync(packageFile(`config/${name}`), 'utf8');

  test('is valid from any directory, without anything in the environment', () => {
    try {
      const { policies } = parseConfig({ text, name, environment: {}, directory: '/' });
      expect(policies.files.every((path) => existsSync(path))).toBe(true);
    } catch (error) {
      if (error instanceof ConfigError) throw new Error(error.message);
      throw error;
    }
  });
});

test('config/default.yaml says nothing but the defaults, and needs no other process', () => {
  const source = { name: 'default.yaml', environment: {}, directory: '/' };
  const own = parseConfig({ ...source, text: readFileSync(packageFile('config/default.yaml'), 'utf8') });
  const least = parseConfig({ ...source, text: 'receivers: { otlp: { grpc: {}, http: {} } }\npolicies: package:package.json\nexporters: { debug: {} }\nhead: {}' });
  expect({ ...own, policies: [] }).toEqual({ ...least, policies: [] });
});
