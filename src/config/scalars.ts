import { parseEndpoint } from '../base/endpoint.ts';
import { suggestion } from '../base/suggest.ts';
import { parseBytes, parseDurationMs } from '../base/units.ts';
import type { JsonSchema, Kind } from './kind.ts';
import { shown } from './place.ts';

/** In an editor every option may also be taken from the environment. */
const reference: JsonSchema = { type: 'string', pattern: '\\$\\{(env|file):[^}]+\\}' };

interface Scalar<T> {
  readonly name: string;
  /** What a message says was expected. */
  readonly expected: string;
  readonly schema: JsonSchema;
  /** Keeps the value out of messages. */
  readonly secret?: boolean;
  readonly parse: (input: unknown) => T | undefined;
}

function scalar<T>({ name, expected, schema, secret, parse }: Scalar<T>): Kind<T> {
  return {
    name,
    schema: schema['type'] === 'string' && schema['pattern'] === undefined && schema['enum'] === undefined ? schema : { anyOf: [schema, reference] },
    read: (input, place) => {
      const value = parse(input);
      return value === undefined ? place.fail(`expected ${expected}${secret === true ? ' (what is there is not shown)' : `, got ${shown(input)}`}`) : value;
    },
  };
}

export interface Bounds {
  readonly min?: number;
  readonly max?: number;
}

function within(value: number, { min = -Infinity, max = Infinity }: Bounds): boolean {
  return value >= min && value <= max;
}

function boundsText({ min, max }: Bounds): string {
  if (min !== undefined && max !== undefined) return ` from ${min} to ${max}`;
  if (min !== undefined) return ` of at least ${min}`;
  return max === undefined ? '' : ` of at most ${max}`;
}

/** A number, or a text that is one: values from the environment are text. */
function toNumber(input: unknown): number | undefined {
  if (typeof input === 'number') return input;
  return typeof input === 'string' && /^-?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(input.trim()) ? Number(input) : undefined;
}

function jsonBounds({ min, max }: Bounds): JsonSchema {
  return { ...(min === undefined ? {} : { minimum: min }), ...(max === undefined ? {} : { maximum: max }) };
}

export function integer(bounds: Bounds = {}): Kind<number> {
  return scalar({
    name: 'integer', expected: `a whole number${boundsText(bounds)}`, schema: { type: 'integer', ...jsonBounds(bounds) },
    parse: (input) => {
      const value = toNumber(input);
      return value !== undefined && Number.isSafeInteger(value) && within(value, bounds) ? value : undefined;
    },
  });
}

export function number(bounds: Bounds = {}): Kind<number> {
  return scalar({
    name: 'number', expected: `a number${boundsText(bounds)}`, schema: { type: 'number', ...jsonBounds(bounds) },
    parse: (input) => {
      const value = toNumber(input);
      return value !== undefined && Number.isFinite(value) && within(value, bounds) ? value : undefined;
    },
  });
}

export const flag: Kind<boolean> = {
  ...scalar({
    name: 'true or false', expected: 'true or false', schema: { type: 'boolean' },
    parse: (input) => (typeof input === 'boolean' ? input : input === 'true' ? true : input === 'false' ? false : undefined),
  }),
  arity: 'flag',
};

export const text: Kind<string> = scalar({
  name: 'text', expected: 'a text (put it in quotes)', schema: { type: 'string', minLength: 1 },
  parse: (input) => (typeof input === 'string' && input !== '' ? input : undefined),
});

export const filePath: Kind<string> = scalar({
  name: 'path', expected: 'a path', schema: { type: 'string', minLength: 1 },
  parse: (input) => (typeof input === 'string' && input !== '' && !input.includes('\0') ? input : undefined),
});

/** A text that messages do not repeat. */
export const secretText: Kind<string> = scalar({
  name: 'secret', expected: 'a text (put it in quotes)', schema: { type: 'string', minLength: 1 }, secret: true,
  parse: (input) => (typeof input === 'string' && input !== '' ? input : undefined),
});

/** A bearer token (RFC 6750 has fewer characters, senders have more): printable ASCII without blanks. Messages do not repeat it. */
export const bearerToken: Kind<string> = scalar({
  name: 'secret', expected: 'a token of printable characters without blanks (put it in quotes)', schema: { type: 'string', pattern: '^[!-~]+$' }, secret: true,
  parse: (input) => (typeof input === 'string' && /^[!-~]+$/.test(input) ? input : undefined),
});

/** A value of a header: printable ASCII, so that nothing can be put behind it. Messages do not repeat it. */
export const headerValue: Kind<string> = scalar({
  name: 'secret', expected: 'a text of printable ASCII without line breaks (put it in quotes)', schema: { type: 'string', minLength: 1 }, secret: true,
  parse: (input) => (typeof input === 'string' && /^[ -~]+$/.test(input) ? input : undefined),
});

/** A version of TLS; YAML reads one without quotes as a number. */
export const tlsVersion: Kind<'1.2' | '1.3'> = scalar({
  name: '1.2 | 1.3', expected: '1.2 or 1.3', schema: { enum: ['1.2', '1.3', 1.2, 1.3] },
  parse: (input) => (['1.2', '1.3'] as const).find((version) => version === String(input)),
});

/** `bytes` bytes as hexadecimal digits. */
export function hexKey(bytes: number): Kind<Uint8Array> {
  return scalar({
    name: 'secret', expected: `${bytes * 2} hexadecimal digits`, schema: { type: 'string', pattern: `^[0-9a-fA-F]{${bytes * 2}}$` }, secret: true,
    parse: (input) => (typeof input === 'string' && input.length === bytes * 2 && /^[0-9a-f]+$/i.test(input)
      ? Uint8Array.from(Buffer.from(input, 'hex')) : undefined),
  });
}

/** Read to milliseconds. A bare number is refused, since its unit would be a guess. */
export function duration(bounds: Bounds = {}): Kind<number> {
  const limits = bounds.min !== undefined && bounds.min > 0 ? `, at least ${bounds.min}ms` : '';
  return scalar({
    name: 'duration', expected: `a duration such as 10s, 1m30s or 250ms${limits}`, schema: { type: 'string', pattern: '^(0|(\\d+(\\.\\d+)?(ns|us|ms|s|m|h|d))+)$' },
    parse: (input) => {
      const ms = input === 0 ? 0 : typeof input === 'string' ? parseDurationMs(input) : null;
      return ms !== null && within(ms, bounds) ? ms : undefined;
    },
  });
}

/** Read to bytes. */
export function size(bounds: Bounds = {}): Kind<number> {
  return scalar({ name: 'size', expected: sizeText(bounds), schema: { anyOf: sizeSchemas(bounds) }, parse: (input) => toBytes(input, bounds) });
}

/** Read to bytes, or the word. */
export function sizeOr<const W extends string>(word: W, bounds: Bounds = {}): Kind<number | W> {
  return scalar<number | W>({
    name: `size | ${word}`, expected: `${sizeText(bounds)}, or ${word}`, schema: { anyOf: [...sizeSchemas(bounds), { const: word }] },
    parse: (input) => (input === word ? word : toBytes(input, bounds)),
  });
}

function sizeText({ min }: Bounds): string {
  return `a size such as 64MiB or 2GiB${min === undefined ? '' : `, at least ${min} bytes`}`;
}

function sizeSchemas({ min }: Bounds): readonly JsonSchema[] {
  return [{ type: 'integer', minimum: min ?? 0 }, { type: 'string', pattern: '^\\d+(\\.\\d+)?\\s*([kKmMgGtT]i?)?[bB]?$' }];
}

function toBytes(input: unknown, bounds: Bounds): number | undefined {
  const bytes = typeof input === 'number' && Number.isSafeInteger(input) ? input : typeof input === 'string' ? parseBytes(input) : null;
  return bytes !== null && within(bytes, { min: 0, ...bounds }) ? bytes : undefined;
}

/** Kept as `host:port` (`parseEndpoint` takes it apart). */
export const endpoint: Kind<string> = scalar({
  name: 'host:port', expected: 'host:port', schema: { type: 'string', pattern: '^(\\[[0-9a-fA-F:.%\\w-]+\\]|[A-Za-z0-9._-]+):\\d{1,5}$' },
  parse: (input) => (typeof input === 'string' && parseEndpoint(input) !== null ? input : undefined),
});

/** An http or https URL without credentials, query or fragment; a slash at its end is dropped. */
export const httpUrl: Kind<string> = scalar({
  name: 'URL', expected: 'a URL such as http://collector:4318, without user, query or fragment', schema: { type: 'string', pattern: '^https?://' },
  parse: (input) => {
    const url = typeof input === 'string' && /^https?:\/\/[^/]/.test(input) ? URL.parse(input) : null;
    const isPlain = url !== null && url.username === '' && url.password === '' && url.search === '' && url.hash === '';
    return isPlain ? url.href.replace(/\/+$/, '') : undefined;
  },
});

/** One of the given words. */
export function oneOf<const W extends readonly string[]>(...words: W): Kind<W[number]> {
  return {
    name: words.join(' | '),
    schema: { enum: words },
    read: (input, place) => words.find((word) => word === input)
      ?? place.fail(`expected one of ${words.join(', ')}, got ${shown(input)}${typeof input === 'string' ? suggestion(input, words) : ''}`),
  };
}

/** A number greater than 0, or the word. */
export function positiveOr<const W extends string>(word: W): Kind<number | W> {
  return scalar<number | W>({
    name: `number | ${word}`, expected: `a number greater than 0, or ${word}`, schema: { anyOf: [{ type: 'number', exclusiveMinimum: 0 }, { const: word }] },
    parse: (input) => {
      if (input === word) return word;
      const value = toNumber(input);
      return value !== undefined && value > 0 && Number.isFinite(value) ? value : undefined;
    },
  });
}
