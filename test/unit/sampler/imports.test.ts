import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path/posix';
import { expect, test } from 'vitest';
import { packageFile } from '../../../src/base/package-paths.ts';
import { importsOf, parseSource } from '../tidy/syntax.ts';

/** What `path` imports from outside of the project, itself or by what it imports. */
function outsideOf(path: string, seen = new Set<string>()): Set<string> {
  const outside = new Set<string>();
  if (seen.has(path)) return outside;
  seen.add(path);
  for (const specifier of importsOf(parseSource(readFileSync(packageFile(path), 'utf8')))) {
    if (specifier.startsWith('.')) for (const each of outsideOf(join(dirname(path), specifier), seen)) outside.add(each);
    else outside.add(specifier);
  }
  return outside;
}

test('an application\'s process gets the API of OpenTelemetry by the sampler, and no DuckDB', () => {
  expect([...outsideOf('src/sampler/index.ts')].sort()).toEqual(['@opentelemetry/api', 'node:crypto', 'node:timers/promises']);
});

test('control: the processor\'s imports are found', () => {
  expect([...outsideOf('src/store/duckdb.ts')]).toContain('@duckdb/node-api');
});
