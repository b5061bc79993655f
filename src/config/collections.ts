import { suggestion } from '../base/suggest.ts';
import type { JsonSchema, Kind, Part, ValueOf } from './kind.ts';
import { shown } from './place.ts';
import { asRecord } from './section.ts';

/** A list of values of one kind; a single value reads as a list of one. */
export function list<T>(kind: Kind<T>): Kind<readonly T[]> {
  return {
    name: `list of ${kind.name}`,
    arity: 'many',
    schema: { anyOf: [{ type: 'array', items: kind.schema }, kind.schema] },
    read: (input, place) => {
      const items = Array.isArray(input) ? input : [input];
      const values = items.map((item: unknown, i) => kind.read(item, place.at(i)));
      const usable = values.filter((value) => value !== undefined);
      return usable.length === values.length ? usable : undefined;
    },
  };
}

/** Values of one kind under names that the user chooses; names must match `namePattern`. */
export function mapOf<T>(kind: Kind<T>, namePattern: RegExp, nameExpected: string): Kind<Readonly<Record<string, T>>> {
  return {
    name: `names with ${kind.name}`,
    schema: { type: 'object', propertyNames: { pattern: namePattern.source }, additionalProperties: kind.schema },
    read: (input, place) => {
      const written = asRecord(input, place);
      if (written === undefined) return undefined;
      const entries = Object.entries(written).map(([name, value]): readonly [string, T | undefined] => [
        name, namePattern.test(name) ? kind.read(value, place.at(name)) : place.at(name).fail(`expected ${nameExpected} as the name`)]);
      const usable = entries.flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]));
      return usable.length === entries.length ? Object.fromEntries(usable) : undefined;
    },
  };
}

type Sections = Readonly<Record<string, Kind<object>>>;

/** One configured component: its options, its type, and its name in the file (`otap` or `otap/backup`). */
export type ComponentOf<S extends Sections> = { readonly [K in keyof S & string]: Readonly<{ id: string; type: K }> & ValueOf<S[K]> }[keyof S & string];

const componentName = /^[a-z][a-z0-9_]*(\/[\w.-]{1,64})?$/;

/** Components by name, where a name is `type` or `type/anything`, so that there may be several of one type. At least one is needed. */
export function components<const S extends Sections>(types: S, example: string): Kind<readonly ComponentOf<S>[]> {
  const known = Object.keys(types);
  return {
    name: 'components',
    schema: componentsSchema(types),
    parts: Object.entries(types).flatMap(([type, kind]) => (kind.parts ?? []).map((part): Part => ({ ...part, path: [type, ...part.path] }))),
    read: (input, place) => {
      const written = asRecord(input ?? {}, place);
      if (written === undefined) return undefined;
      if (Object.keys(written).length === 0) return place.fail(`name at least one, for example ${example}`);
      const read = Object.entries(written).map(([id, value]): unknown => {
        const type = id.split('/')[0];
        if (!componentName.test(id)) return place.at(id).fail(`expected a name of the form type or type/name, got ${shown(id)}`);
        if (!Object.hasOwn(types, type)) return place.at(id).fail(`unknown type "${type}"${suggestion(type, known)}`);
        const options = types[type].read(value, place.at(id));
        return options === undefined ? undefined : { id, type, ...options };
      });
      return read.includes(undefined) ? undefined : read as ComponentOf<S>[];
    },
  };
}

function componentsSchema(types: Sections): JsonSchema {
  const patterns = Object.entries(types).map(([type, { schema }]) => [`^${type}(/[\\w.-]{1,64})?$`, { anyOf: [schema, { type: 'null' }] }]);
  return { type: 'object', additionalProperties: false, patternProperties: Object.fromEntries(patterns) };
}
