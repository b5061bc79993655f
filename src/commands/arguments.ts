import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { resolve } from 'node:path';
import { CodedError } from '../base/errors.ts';
import { suggestion } from '../base/suggest.ts';
import { Place, type Issue } from '../config/place.ts';
import { section, type Field, type Fields, type ValuesOf } from '../config/section.ts';
import type { Positionals } from './command.ts';

/** Arguments that cannot be used: the message has a line for each thing that is wrong. */
export class UsageError extends CodedError {
  constructor(lines: readonly string[]) {
    super('INVALID_ARGUMENT', 'usage', lines.join('\n'));
    this.name = 'UsageError';
  }
}

/** The option's name on the command line, without its dashes. */
export function flagName(field: Field<unknown>): string {
  return field.key.replaceAll('_', '-');
}

/**
 * Arguments to typed options and positionals: `--key value`, `--key=value`, `--flag`, `--no-flag`; `--` ends the options.
 * Options that hold lists may be given often. Throws UsageError with everything that is wrong.
 */
export function parseArguments<F extends Fields>(
  fields: F, positionals: Positionals, argv: readonly string[], directory: string,
): ValuesOf<F> & { readonly positionals: readonly string[] } {
  const found = written(fields, argv);
  const issues: Issue[] = [];
  const place = new Place([], { issues, directory, unresolved: new Set(), readFile: (path) => readFileSync(resolve(directory, path), 'utf8').trimEnd() });
  const values = section('', fields).read(found.options, place);
  const lines = [...found.complaints, ...issues.map(({ path: [key, ...rest], message }) =>
    `--${[key.replaceAll('_', '-'), ...rest].join('.')}: ${message}`), ...positionalComplaints(positionals, found.positionals)];
  if (values === undefined || lines.length > 0) throw new UsageError(lines);
  return { ...values, positionals: found.positionals };
}

interface Written {
  readonly options: Record<string, unknown>;
  readonly positionals: string[];
  readonly complaints: string[];
}

function written(fields: Fields, argv: readonly string[]): Written {
  const byName = new Map(Object.values(fields).map((field) => [flagName(field), field]));
  const result: Written = { options: {}, positionals: [], complaints: [] };
  const types = Object.fromEntries([...byName].map(([name, { kind }]) => [name, { type: kind.arity === 'flag' ? 'boolean' : 'string', multiple: true } as const]));
  const { tokens } = parseArgs({ args: [...argv], options: types, strict: false, allowPositionals: true, allowNegative: true, tokens: true });
  for (const token of tokens) {
    if (token.kind === 'positional') result.positionals.push(token.value);
    if (token.kind === 'option') addOption(result, byName, token.rawName, token.name, token.value);
  }
  return result;
}

function addOption(result: Written, byName: ReadonlyMap<string, Field<unknown>>, rawName: string, name: string, value: string | undefined): void {
  const negated = rawName.startsWith('--no-') && byName.get(rawName.slice('--no-'.length))?.kind.arity === 'flag';
  const field = byName.get(negated ? rawName.slice('--no-'.length) : name);
  if (field === undefined || !rawName.startsWith('--')) {
    result.complaints.push(`unknown option ${rawName}${suggestion(rawName, [...byName.keys()].map((known) => `--${known}`))}`);
    return;
  }
  const { key, kind } = field;
  if (kind.arity !== 'flag' && value === undefined) {
    result.complaints.push(`${rawName}: a value is missing (${kind.name})`);
  } else if (kind.arity === 'many') {
    const before = result.options[key];
    result.options[key] = [...(Array.isArray(before) ? before : []), value];
  } else if (Object.hasOwn(result.options, key)) {
    result.complaints.push(`${rawName}: is given twice`);
  } else {
    result.options[key] = kind.arity === 'flag' ? value ?? !negated : value;
  }
}

function positionalComplaints({ label, min, max }: Positionals, given: readonly string[]): string[] {
  if (given.length < min) return [`${label} is missing`];
  return given.length > max ? [`unexpected argument${given.length - max > 1 ? 's' : ''}: ${given.slice(max).join(' ')}`] : [];
}
