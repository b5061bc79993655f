import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { catalogMarkdown } from '../../../src/policy/catalog/catalog-text.ts';
import { catalogStars, starColumns } from '../../../src/policy/catalog/stars.ts';
import { conventionalTypes } from '../../../src/policy/catalog/semconv.ts';
import { catalogViews } from '../../../src/policy/catalog/views.ts';

test('names are unique, and every column says what it is', () => {
  for (const { columns } of catalogViews) {
    expect(new Set(columns.map(({ name }) => name)).size).toBe(columns.length);
    expect(columns.every(({ doc }) => doc.length > 3)).toBe(true);
  }
  const tables = [...catalogViews.map(({ name }) => name), ...catalogStars.flatMap(({ name, aliases }) => [name, ...aliases])];
  expect(new Set(tables).size).toBe(tables.length);
});

test('star tables have the columns of OTAP attributes', () => {
  const [first] = catalogStars;
  expect(starColumns(first).map(({ name }) => name)).toEqual(['parent_id', 'key', 'type', 'str', 'int', 'double', 'bool', 'bytes', 'ser']);
  expect(catalogStars.filter(({ parentType }) => parentType === 'UBIGINT').map(({ name }) => name)).toEqual(['resource_attrs', 'scope_attrs']);
});

test('types of keys as the published conventions have them', () => {
  const types = ['http.response.status_code', 'server.port', 'gen_ai.request.temperature', 'exception.escaped', 'http.route', 'sampling.adjusted_count'];
  expect(types.map((key) => conventionalTypes.get(key))).toEqual(['BIGINT', 'BIGINT', 'DOUBLE', 'BOOLEAN', undefined, 'DOUBLE']);
});

test('docs/policies.md shows the catalog as it is', () => {
  const text = readFileSync(new URL('../../../docs/policies.md', import.meta.url), 'utf8');
  expect(text.slice(text.indexOf('<!-- catalog -->'))).toBe(`<!-- catalog -->\n\n${catalogMarkdown()}\n`);
});
