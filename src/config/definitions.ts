import type { JsonSchema } from './kind.ts';

/** `root` in which each of the `named` schemas is written once, under `definitions`, and referred to where it is used. They are known by identity. */
export function withDefinitions(root: JsonSchema, named: Readonly<Record<string, JsonSchema>>): JsonSchema {
  const references = new Map<unknown, JsonSchema>(Object.entries(named).map(([name, schema]) => [schema, { $ref: `#/definitions/${name}` }]));
  const written = (value: unknown): unknown => references.get(value) ?? inside(value);
  const inside = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(written);
    return typeof value === 'object' && value !== null ? eachOf(value, written) : value;
  };
  return { ...eachOf(root, written), definitions: eachOf(named, inside) };
}

function eachOf(values: object, change: (value: unknown) => unknown): JsonSchema {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, change(value)]));
}
