import protobuf from 'protobufjs';
import type { Signal } from '../../src/otap/payload-type.ts';
import { type Json, type JsonObject, object } from './otlp-json.ts';
import { type Below, requestType } from './otlp-wire.ts';

/*
 * A writer of OTLP JSON that spells the same request differently each time: all that proto3's JSON and OTLP's changes of it leave to the sender is
 * chosen by chance, by the types in the protobuf definitions.
 */

/**
 * order: keys in any order; space; snake: names as in the definitions; escapes: in texts and keys; escapes_of_ids: in ids, base64 and numbers; numbers:
 * integers and doubles as numbers or texts; exponents: integers with fractions of zero and exponents; enums: by name; enum_texts: their numbers as
 * texts; base64: the URL's alphabet, no padding; nulls: members that are null; unknown: members that nobody knows.
 */
export type Freedom = 'enums' | 'enum_texts' | 'order' | 'space' | 'snake' | 'escapes' | 'escapes_of_ids' | 'numbers' | 'exponents' | 'base64' | 'nulls' | 'unknown';
export const allFreedoms: readonly Freedom[] = ['enums', 'enum_texts', 'order', 'space', 'snake', 'escapes', 'escapes_of_ids', 'numbers', 'exponents', 'base64', 'nulls', 'unknown'];

const idNames = new Set(['traceId', 'spanId', 'parentSpanId']);
const severities = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'].flatMap((name) => ['', 2, 3, 4].map((more) => `SEVERITY_NUMBER_${name}${more}`));
/** Of the enums, by the names of their fields (opentelemetry-proto: trace, logs, metrics). */
export const enumNames: Readonly<Record<string, readonly string[]>> = {
  kind: ['SPAN_KIND_UNSPECIFIED', 'SPAN_KIND_INTERNAL', 'SPAN_KIND_SERVER', 'SPAN_KIND_CLIENT', 'SPAN_KIND_PRODUCER', 'SPAN_KIND_CONSUMER'],
  code: ['STATUS_CODE_UNSET', 'STATUS_CODE_OK', 'STATUS_CODE_ERROR'],
  severityNumber: ['SEVERITY_NUMBER_UNSPECIFIED', ...severities],
  aggregationTemporality: ['AGGREGATION_TEMPORALITY_UNSPECIFIED', 'AGGREGATION_TEMPORALITY_DELTA', 'AGGREGATION_TEMPORALITY_CUMULATIVE'],
};
const integerTypes = new Set(['int32', 'uint32', 'sint32', 'fixed32', 'int64', 'uint64', 'fixed64', 'sfixed64']);
const spaces = [' ', '\n', '\t', '\r', '  \n\t'];
const strangers = ['null', '0', '-1.5e+3', '"\\u00e9\\"x"', '[]', '{}', '[[{"a":[]}],{}]', '{"traceId":[1,{"b":null}],"":""}', 'true', '1e40'];

/** The request, which is given as `parseOtlp` gives it. */
export function spelled(signal: Signal, request: JsonObject, below: Below, freedoms: readonly Freedom[]): string {
  return new Speller(below, new Set(freedoms)).message(requestType(signal), request);
}

class Speller {
  readonly #below: Below;
  readonly #freedoms: ReadonlySet<Freedom>;

  constructor(below: Below, freedoms: ReadonlySet<Freedom>) {
    this.#below = below;
    this.#freedoms = freedoms;
  }

  message(type: protobuf.Type, message: JsonObject): string {
    const members: string[] = [];
    for (const field of type.fieldsArray.toSorted((a, b) => a.id - b.id)) {
      const value = message[field.name];
      if (value !== undefined) members.push(this.#member(field.name, field.repeated ? this.#list(field, value) : this.#value(field, value)));
      else if (this.#chance('nulls', 12)) members.push(this.#member(field.name, 'null'));
    }
    while (this.#chance('unknown', 6)) members.push(this.#member(`unknown${this.#below(100)}`, strangers[this.#below(strangers.length)]));
    if (this.#freedoms.has('order')) members.sort(() => this.#below(3) - 1);
    return this.#around('{', members, '}');
  }

  #member(name: string, value: string): string {
    const chosen = this.#chance('snake', 3) ? name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`) : name;
    return `${this.#text(chosen, 'escapes')}${this.#space()}:${this.#space()}${value}`;
  }

  #list(field: protobuf.Field, values: Json): string {
    if (!Array.isArray(values)) throw new Error(`${field.name} is no list`);
    return this.#around('[', values.map((value: Json) => this.#value(field, value)), ']');
  }

  #value({ name, type, resolvedType }: protobuf.Field, value: Json): string {
    if (resolvedType instanceof protobuf.Type) return this.message(resolvedType, object(value));
    if (type === 'string') return this.#text(String(value), 'escapes');
    if (type === 'bytes') return this.#text(idNames.has(name) ? this.#eitherCase(String(value)) : this.#base64(String(value)), 'escapes_of_ids');
    if (type === 'bool') return String(value);
    const names = enumNames[name];
    if (names !== undefined) return this.#enum(names, Number(value));
    const text = type === 'double' ? this.#double(Number(value)) : this.#integer(String(value));
    const isWord = /[a-z]{3}/.test(text);
    const isText = isWord || (this.#freedoms.has('numbers') ? this.#below(2) === 0 : integerTypes.has(type) && type.includes('64'));
    return isText ? this.#text(text, 'escapes_of_ids') : text;
  }

  #enum(names: readonly string[], value: number): string {
    const name = names[value];
    if (name !== undefined && this.#chance('enums', 2)) return this.#text(name, 'escapes');
    const digits = this.#integer(String(value));
    return this.#chance('enum_texts', 3) ? this.#text(digits, 'escapes_of_ids') : digits;
  }

  #integer(digits: string): string {
    if (!this.#chance('exponents', 2)) return digits;
    const [, sign = '', rest = ''] = /^(-?)(\d+)$/.exec(digits) ?? [];
    const shift = this.#below(rest.length);
    const moved = shift === 0 ? rest : `${rest.slice(0, -shift)}.${rest.slice(-shift)}`;
    const spelling = shift === 0 && this.#below(2) === 0 ? `${rest}.${'0'.repeat(1 + this.#below(3))}` : `${moved}${this.#below(2) === 0 ? 'e' : 'E'}${this.#below(2) === 0 ? '+' : ''}${shift}`;
    return sign + spelling;
  }

  #double(value: number): string {
    if (Number.isNaN(value)) return 'NaN';
    if (!Number.isFinite(value)) return value > 0 ? 'Infinity' : '-Infinity';
    if (Object.is(value, -0)) return this.#freedoms.has('numbers') && this.#below(2) === 0 ? '-0.0' : '-0';
    return this.#freedoms.has('numbers') && this.#below(3) === 0 ? value.toExponential() : String(value);
  }

  #eitherCase(hex: string): string {
    return Array.from(hex, (digit) => (this.#freedoms.has('order') && this.#below(2) === 0 ? digit.toUpperCase() : digit)).join('');
  }

  #base64(standard: string): string {
    const url = this.#chance('base64', 2) ? standard.replace(/\+/g, '-').replace(/\//g, '_') : standard;
    return this.#chance('base64', 2) ? url.replace(/=+$/, '') : url;
  }

  /** A text with some of its UTF-16 units as escapes. */
  #text(text: string, freedom: Freedom): string {
    const isFree = this.#freedoms.has(freedom) && this.#below(4) === 0;
    const quoted = JSON.stringify(text);
    if (!isFree) return quoted;
    const units = Array.from({ length: text.length }, (_, index) => text.charCodeAt(index));
    const escaped = units.map((unit, index) => {
      const isPair = (unit & 0xf800) === 0xd800;
      if (isPair || this.#below(3) === 0) return `\\u${this.#eitherCase(unit.toString(16).padStart(4, '0'))}`;
      return text[index] === '/' ? '\\/' : JSON.stringify(text[index]).slice(1, -1);
    });
    return `"${escaped.join('')}"`;
  }

  #around(open: string, parts: readonly string[], close: string): string {
    const spaced = parts.map((part) => `${this.#space()}${part}${this.#space()}`);
    return `${open}${this.#space()}${spaced.join(',')}${close}`;
  }

  #space(): string {
    return this.#chance('space', 4) ? spaces[this.#below(spaces.length)] : '';
  }

  #chance(freedom: Freedom, oneIn: number): boolean {
    return this.#freedoms.has(freedom) && this.#below(oneIn) === 0;
  }
}
