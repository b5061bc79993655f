import type { PolicySource } from './policy-source.ts';
import { constantOf, constantText, type Node, nodesOf, textOf, visitNodes } from './sql-tree.ts';

/** LIKE and its kin by their function's name: what stands for any text. */
const wildcards: ReadonlyMap<string, string> = new Map([
  ['~~', '%'], ['!~~', '%'], ['~~*', '%'], ['!~~*', '%'], ['like_escape', '%'], ['not_like_escape', '%'], ['ilike_escape', '%'], ['not_ilike_escape', '%'], ['~~~', '*'],
]);

/** ILIKE by the LIKE that it is on lower-case text. */
const lowered: ReadonlyMap<string, string> = new Map([['~~*', '~~'], ['!~~*', '!~~']]);

/** Functions whose second argument is a regular expression. */
const regexes: ReadonlySet<string> = new Set([
  'regexp_matches', 'regexp_full_match', 'regexp_extract', 'regexp_extract_all', 'regexp_replace', 'regexp_split_to_array', 'string_split_regex', 'str_split_regex',
]);

/** Longest text whose edit distance is taken, characters. */
const distanceTextMax = 1_000;

/**
 * Bounds the work of matching texts, whatever the telemetry holds. DuckDB matches LIKE without `_` in linear time and everything else by
 * backtracking, which takes centuries and cannot be interrupted: 7 wildcards on 100 letters. So ILIKE becomes LIKE of lower-case
 * texts, in place, and what backtracks may have one wildcard before its end. Patterns are constants. Throws PolicyError `not_allowed`.
 */
export function boundPatterns(source: PolicySource, statement: Node): void {
  visitNodes(statement, (node) => {
    if (node['class'] !== 'FUNCTION') return;
    const name = textOf(node['function_name']).toLowerCase();
    const wildcard = wildcards.get(name);
    if (wildcard !== undefined) boundLike(source, node, name, wildcard);
    else if (regexes.has(name)) patternOf(source, node, 'a regular expression');
    else if (name === 'levenshtein') nodesOf(node['children']).forEach((argument) => boundText(source, argument, name));
  });
}

function patternOf(source: PolicySource, node: Node, what: string): string {
  const pattern = constantText(nodesOf(node['children'])[1]);
  if (pattern === null) throw source.error('not_allowed', `${what} must be a constant text`, { at: node, hint: 'starts_with, ends_with and contains compare with a column' });
  return pattern;
}

function boundLike(source: PolicySource, node: Node, name: string, wildcard: string): void {
  const pattern = patternOf(source, node, 'the pattern of LIKE, ILIKE and GLOB');
  const isLinear = wildcard === '%' && !pattern.includes('_') && !name.endsWith('_escape');
  const like = lowered.get(name);
  if (isLinear && like !== undefined) {
    node['function_name'] = like;
    node['children'] = nodesOf(node['children']).map(lower);
  }
  const inner = pattern.replace(wildcard === '%' ? /%+$/ : /\*+$/, '').split(wildcard).length - 1;
  if (!isLinear && inner > 1) {
    throw source.error('not_allowed', `matching this pattern may take for ever: one ${wildcard} is allowed before its end where there is ${wildcard === '%' ? '_, ESCAPE' : 'GLOB'}`, {
      at: node, hint: "write regexp_matches(x, 'a.*b.c'), which takes linear time",
    });
  }
}

function lower(argument: Node): Node {
  return {
    class: 'FUNCTION', type: 'FUNCTION', alias: '', query_location: argument['query_location'] ?? null, function_name: 'lower', schema: '', children: [argument],
    filter: null, order_bys: { type: 'ORDER_MODIFIER', orders: [] }, distinct: false, is_operator: false, export_state: false, catalog: '',
  };
}

/** A text is a constant, or cut: left(x, 100). */
function boundText(source: PolicySource, argument: Node, name: string): void {
  const text = constantText(argument);
  const [, length] = nodesOf(argument['children']);
  const cut = textOf(argument['function_name']).toLowerCase() === 'left' ? constantOf(length)?.value : undefined;
  const size = text === null ? cut : text.length;
  if (typeof size === 'number' && size >= 0 && size <= distanceTextMax) return;
  throw source.error('not_allowed', `${name}() needs texts of at most ${distanceTextMax} characters: its work is the product of both lengths`, { at: argument, hint: `write ${name}(left(x, 200), 'text')` });
}
