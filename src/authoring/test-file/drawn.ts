import { list } from '../../config/collections.ts';
import type { Kind } from '../../config/kind.ts';
import { number } from '../../config/scalars.ts';
import { option, required, section } from '../../config/section.ts';

/** How a value comes about: the same for each repetition, one of several, or a number from a range; drawn by the test's seed. */
export type Drawn<T> =
  | { readonly kind: 'same'; readonly value: T }
  | { readonly kind: 'one_of'; readonly values: readonly T[] }
  | { readonly kind: 'range'; readonly from: number; readonly to: number }
  | { readonly kind: 'lognormal'; readonly median: number; readonly sigma: number };

const oneOfKey = 'one_of';

/** A value of `kind`, or `{ one_of: [...] }`. */
export function drawn<T>(kind: Kind<T>): Kind<Drawn<T>> {
  return choice(kind, [[oneOfKey, oneOfSection(kind)]]);
}

/** A number of `kind`, or `{ one_of: [...] }`, `{ from, to }` (uniform), `{ median, sigma }` (log-normal). */
export function drawnNumber(kind: Kind<number>): Kind<Drawn<number>> {
  return choice(kind, [
    [oneOfKey, oneOfSection(kind)],
    ['from', mapped(section('', { from: required('from', kind, 'Least value.'), to: required('to', kind, 'Greatest value.') }), ({ from, to }) => ({ kind: 'range', from, to }))],
    ['median', mapped(section('', {
      median: required('median', kind, 'Median.'),
      sigma: option('sigma', number({ min: 0, max: 10 }), 1, 'Standard deviation of the natural logarithm.'),
    }), ({ median, sigma }) => ({ kind: 'lognormal', median, sigma }))],
  ]);
}

function oneOfSection<T>(kind: Kind<T>): Kind<Drawn<T>> {
  return mapped(section('', { values: required(oneOfKey, list(kind), 'Values that are equally likely.') }), ({ values }) => ({ kind: 'one_of', values }));
}

/** `kind`, or an object that has one of the given keys. */
function choice<T>(kind: Kind<T>, ways: readonly (readonly [string, Kind<Drawn<T>>])[]): Kind<Drawn<T>> {
  return {
    name: kind.name,
    schema: { anyOf: [kind.schema, ...ways.map(([, way]) => way.schema)] },
    read: (input, place) => {
      if (typeof input !== 'object' || input === null) {
        const value = kind.read(input, place);
        return value === undefined ? undefined : { kind: 'same', value };
      }
      const found = ways.find(([key]) => Object.hasOwn(input, key));
      return found === undefined ? place.fail(`expected a value, or an object with ${ways.map(([key]) => key).join(', ')}`) : found[1].read(input, place);
    },
  };
}

/** A kind whose values are turned into others. */
export function mapped<T, U>(kind: Kind<T>, change: (value: T) => U): Kind<U> {
  return {
    name: kind.name, schema: kind.schema,
    read: (input, place) => {
      const value = kind.read(input, place);
      return value === undefined ? undefined : change(value);
    },
  };
}

/** Draws a value for one repetition. Whatever the way, one or two numbers are taken. */
export function drawValue<T>(way: Drawn<T>, next: () => number): T | number {
  switch (way.kind) {
    case 'same':
      return way.value;
    case 'one_of':
      return way.values[Math.floor(next() * way.values.length)];
    case 'range':
      return way.from + next() * (way.to - way.from);
    case 'lognormal':
      return way.median * Math.exp(way.sigma * Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()));
  }
}
