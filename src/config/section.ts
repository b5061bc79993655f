import { messageOf } from '../base/errors.ts';
import { suggestion } from '../base/suggest.ts';
import type { JsonSchema, Kind, OptionText, Part } from './kind.ts';
import { shown, type Place } from './place.ts';

/** An option: its key in the file, what it holds, what it means, and what holds when it is not written. */
export interface Field<T> {
  readonly key: string;
  readonly kind: Kind<T>;
  readonly text: string;
  readonly presence: 'required' | 'default' | 'optional';
  /** With presence `default`: the default as it would be written in the file. */
  readonly written?: unknown;
  /** The value may also come from the file that `<key>_file` names. */
  readonly secret?: boolean;
}

/** An option with a default, given as it would be written in the file. */
export function option<T>(key: string, kind: Kind<T>, written: unknown, text: string): Field<T> {
  return { key, kind, text, presence: 'default', written };
}

export function required<T>(key: string, kind: Kind<T>, text: string): Field<T> {
  return { key, kind, text, presence: 'required' };
}

/** An option that is null when it is not written. */
export function optional<T>(key: string, kind: Kind<T>, text: string): Field<T | null> {
  return { key, kind, text, presence: 'optional' };
}

/** An optional option that may be given as `<key>_file: path` too, so that the secret itself stays out of the file. */
export function secret<T>(key: string, kind: Kind<T>, text: string): Field<T | null> {
  return { key, kind, text, presence: 'optional', secret: true };
}

export type Fields = Readonly<Record<string, Field<unknown>>>;
/** The typed values of a section's fields. */
export type ValuesOf<F extends Fields> = { readonly [K in keyof F]: F[K] extends Field<infer T> ? T : never };

/**
 * A group of options. `fields` goes from the names in the typed configuration (camelCase, with units) to the options.
 * Nothing written reads as a section in which every option has its default. `hints` answers keys that people coming
 * from elsewhere will try.
 */
export function section<const F extends Fields>(text: string, fields: F, hints: Readonly<Record<string, string>> = {}): Kind<ValuesOf<F>> {
  const known = Object.values(fields).flatMap(({ key, secret: isSecret }) => (isSecret === true ? [key, `${key}_file`] : [key]));
  return {
    name: 'section',
    schema: schemaOf(fields),
    parts: partsOf(text, fields),
    read: (input, place) => {
      const written = asRecord(input ?? {}, place);
      if (written === undefined) return undefined;
      for (const key of Object.keys(written)) {
        if (!known.includes(key)) place.at(key).fail(`unknown key${Object.hasOwn(hints, key) ? `; ${hints[key]}` : suggestion(key, known)}`);
      }
      const entries = Object.entries(fields).map(([name, field]): [string, unknown] => [name, readField(field, written, place)]);
      if (entries.some(([, value]) => value === undefined)) return undefined;
      const values: unknown = Object.fromEntries(entries);
      return values as ValuesOf<F>;
    },
  };
}

/** The value as an object with keys, or an issue. */
export function asRecord(input: unknown, place: Place): Readonly<Record<string, unknown>> | undefined {
  if (typeof input === 'object' && input !== null && !Array.isArray(input)) return input as Readonly<Record<string, unknown>>;
  // A text in the place of a section may be a secret that belongs into it.
  return place.fail(`expected keys with values, got ${typeof input === 'string' ? 'a text' : shown(input)}`);
}

function readField(field: Field<unknown>, written: Readonly<Record<string, unknown>>, place: Place): unknown {
  const at = place.at(field.key);
  const own = Object.hasOwn(written, field.key) ? written[field.key] : undefined;
  const fileKey = `${field.key}_file`;
  if (field.secret === true && Object.hasOwn(written, fileKey)) {
    if (own !== undefined) return at.fail(`give either ${field.key} or ${fileKey}, not both`);
    return readSecretFile(field, written[fileKey], place.at(fileKey));
  }
  if (own === null && field.kind.parts !== undefined) return field.kind.read({}, at);
  if (own !== undefined && own !== null) return field.kind.read(own, at);
  if (field.presence === 'default') return field.kind.read(field.written, at);
  return field.presence === 'optional' ? null : at.fail(`is missing: ${field.text}`);
}

function readSecretFile(field: Field<unknown>, path: unknown, place: Place): unknown {
  if (typeof path !== 'string' || path === '') return place.fail(`expected a path, got ${shown(path)}`);
  try {
    return field.kind.read(place.context.readFile(path), place);
  } catch (error) {
    return place.fail(`cannot read the file: ${messageOf(error)}`);
  }
}

function schemaOf(fields: Fields): JsonSchema {
  const properties = Object.values(fields).flatMap((field): [string, JsonSchema][] => {
    const described = { description: field.text, ...(field.presence === 'default' && field.kind.parts === undefined ? { default: field.written } : {}) };
    const nullable = field.kind.parts === undefined ? field.kind.schema : { anyOf: [field.kind.schema, { type: 'null' }] };
    const own: [string, JsonSchema] = [field.key, { ...described, ...nullable }];
    return field.secret === true ? [own, [`${field.key}_file`, { type: 'string', description: `A file that holds ${field.key}.` }]] : [own];
  });
  const requiredKeys = Object.values(fields).filter(({ presence }) => presence === 'required').map(({ key }) => key);
  return {
    type: 'object', additionalProperties: false, properties: Object.fromEntries(properties),
    ...(requiredKeys.length === 0 ? {} : { required: requiredKeys }),
  };
}

function partsOf(text: string, fields: Fields): Part[] {
  const options = Object.values(fields).filter(({ kind }) => kind.parts === undefined).flatMap(optionTexts);
  const nested = Object.values(fields).flatMap(({ key, kind }) => (kind.parts ?? []).map((part) => ({ ...part, path: [key, ...part.path] })));
  return [{ path: [], text, options }, ...nested];
}

function optionTexts({ key, kind, text, presence, written, secret: isSecret }: Field<unknown>): OptionText[] {
  const own = { key, kindName: kind.name, text, presence: presence === 'default' ? JSON.stringify(written) : presence === 'required' ? 'required' : '' };
  return isSecret === true ? [own, { key: `${key}_file`, kindName: 'path', presence: '', text: `A file that holds \`${key}\`, instead of it.` }] : [own];
}
