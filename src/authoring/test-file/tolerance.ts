import type { Kind } from '../../config/kind.ts';
import { shown } from '../../config/place.ts';
import { number } from '../../config/scalars.ts';
import { optional, required, section } from '../../config/section.ts';

/** What a number must be: within [min, max]. `text` says it as it was written. */
export interface Expected {
  readonly min: number;
  readonly max: number;
  readonly text: string;
}

/** A distance: a number, or a share such as `5%`. */
const distance: Kind<{ readonly value: number; readonly isShare: boolean }> = {
  name: 'number or share',
  schema: { anyOf: [{ type: 'number', minimum: 0 }, { type: 'string', pattern: '^\\d+(\\.\\d+)?\\s*%$' }] },
  read: (input, place) => {
    const share = typeof input === 'string' ? /^(\d+(?:\.\d+)?)\s*%$/.exec(input) : null;
    if (share !== null) return { value: Number(share[1]) / 100, isShare: true };
    return typeof input === 'number' && input >= 0 ? { value: input, isShare: false } : place.fail(`expected a distance such as 3 or 5%, got ${shown(input)}`);
  },
};

const about = section('', { is: required('is', number(), 'The value.'), within: required('within', distance, 'How far off it may be: 3, or 5%.') });
const between = section('', { min: optional('min', number(), 'Least value.'), max: optional('max', number(), 'Greatest value.') });

/** What is expected of a number: `100`, `{ is: 100, within: 5% }`, or `{ min: 90, max: 110 }`. */
export const expected: Kind<Expected> = {
  name: 'number, or a range of it',
  schema: { anyOf: [{ type: 'number' }, about.schema, between.schema] },
  read: (input, place) => {
    if (typeof input === 'number') return exactly(input);
    if (typeof input !== 'object' || input === null) return place.fail(`expected a number, { is, within } or { min, max }, got ${shown(input)}`);
    if (Object.hasOwn(input, 'is') || Object.hasOwn(input, 'within')) {
      const read = about.read(input, place);
      if (read === undefined) return undefined;
      const off = read.within.isShare ? read.within.value * Math.abs(read.is) : read.within.value;
      return { min: read.is - off, max: read.is + off, text: `${read.is} within ${read.within.isShare ? `${read.within.value * 100}%` : read.within.value}` };
    }
    const read = between.read(input, place);
    if (read === undefined) return undefined;
    if (read.min === null && read.max === null) return place.fail('give is, min or max');
    return { min: read.min ?? -Infinity, max: read.max ?? Infinity, text: rangeText(read.min, read.max) };
  },
};

/** Kinds that others are made of again and again. */
export const sharedTolerances = { about, between } as const;

function rangeText(min: number | null, max: number | null): string {
  if (max === null) return `at least ${min}`;
  return min === null ? `at most ${max}` : `from ${min} to ${max}`;
}

/** An expected value that allows for the roundings of doubles alone. */
export function exactly(value: number): Expected {
  const rounding = Math.abs(value) * 1e-9;
  return { min: value - rounding, max: value + rounding, text: String(value) };
}

export function meets(value: number, { min, max }: Expected): boolean {
  return value >= min && value <= max;
}
