import { messageOf } from '../base/errors.ts';
import type { Place } from './place.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

const depthMax = 50;
const pattern = /\$\$|\$\{([^}]*)\}/g;

/**
 * A written value with its references replaced, in all texts at any depth: `${env:NAME}` and `${env:NAME:-default}`
 * (also from the file that NAME_FILE names, when NAME is not set), `${file:PATH}` (without its last newline), `$$` for
 * `$`. What is put in is not looked at again. A reference that leads nowhere is an issue.
 */
export function substitute(value: unknown, environment: Environment, place: Place): unknown {
  if (place.path.length > depthMax) return place.fail('is nested too deeply');
  if (typeof value === 'string') return substituteText(value, environment, place);
  if (Array.isArray(value)) return value.map((item: unknown, i) => substitute(item, environment, place.at(i)));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, substitute(inner, environment, place.at(key))]));
}

function substituteText(text: string, environment: Environment, place: Place): string {
  return text.replace(pattern, (whole: string, inner: string | undefined) => {
    if (whole === '$$') return '$';
    const found = resolve(inner ?? '', environment, place);
    if (found === undefined) place.context.unresolved.add(place.path.join('.'));
    return found ?? '';
  });
}

function resolve(reference: string, environment: Environment, place: Place): string | undefined {
  if (reference.startsWith('file:')) return readReferenced(reference.slice('file:'.length), reference, place);
  const match = /^env:([A-Za-z_][A-Za-z0-9_]*)(?::-([\s\S]*))?$/.exec(reference);
  if (match === null) return place.fail(`cannot read \${${reference}}: write \${env:NAME}, \${env:NAME:-default} or \${file:PATH}, and $$ for a plain $`);
  const [, name, fallback] = match;
  const own = environment[name];
  if (own !== undefined && !(own === '' && fallback !== undefined)) return own;
  const file = environment[`${name}_FILE`];
  if (file !== undefined && file !== '') return readReferenced(file, `${name}_FILE`, place);
  return fallback ?? place.fail(`the environment variable ${name} is not set; set it, or write \${env:${name}:-default}`);
}

function readReferenced(path: string, reference: string, place: Place): string | undefined {
  try {
    return place.context.readFile(path);
  } catch (error) {
    return place.fail(`cannot read the file of ${reference}: ${messageOf(error)}`);
  }
}
