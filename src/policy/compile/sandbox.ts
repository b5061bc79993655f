import {
  allowedFunctions,
  boundedFunctions,
  collectingFunctions,
  rangeFunctions,
  rangeValuesMax,
  tableFunctions,
  valueFunctions,
} from './allowed-functions.ts';
import { allowedCastTypes, allowedOperators, type Content, type Fields, forms, kinds, refusals, type Rule } from './grammar.ts';
import type { PolicySource } from './policy-source.ts';
import { columnParts, constantOf, isNode, type Node, nodesOf, type SqlTree, textOf } from './sql-tree.ts';
import { refusalOf, refusalReasons } from './refused-functions.ts';
import { suggestion } from './suggest.ts';

/** What a policy may name. */
export interface Names {
  /** Views and star tables, lower case, aliases too. */
  readonly tables: ReadonlySet<string>;
  /** The sampling macros, lower case. */
  readonly macros: ReadonlySet<string>;
}

/** Deepest nesting of queries in queries. */
export const queryDepthMax = 16;

/** Most rows of a VALUES list. */
export const valuesRowsMax = 1_000;

/** CTE names that can be seen from a place, lower case. */
type Scope = ReadonlySet<string>;

interface Walk {
  readonly source: PolicySource;
  readonly names: Names;
}

/**
 * The first wall: walks the statement by the grammar and refuses everything that it does not know. Tables are views, star tables
 * and CTEs in sight; functions are on the list. Throws PolicyError `not_allowed` or `unknown_name`.
 */
export function checkStatement(source: PolicySource, names: Names, statement: Node): void {
  form({ source, names }, 'statement', statement, new Set(), 0);
}

function refuse(walk: Walk, kind: string, at: SqlTree): Error {
  const refusal = refusals[kind];
  if (refusal === undefined) return walk.source.error('not_allowed', `this syntax (${kind}) is not for policies`, { at });
  return walk.source.error('not_allowed', refusal.what, { at, hint: refusal.hint });
}

function isEmpty(tree: SqlTree): boolean {
  if (tree === null || tree === '' || tree === false) return true;
  if (Array.isArray(tree)) return tree.length === 0;
  return isNode(tree) && Object.values(tree).every(isEmpty);
}

function form(walk: Walk, rule: Rule, node: Node, scope: Scope, depth: number): void {
  const fields = fieldsOf(walk, rule, node);
  const inner = rule === 'query' ? withCtes(walk, node, scope, depth) : scope;
  if (rule === 'query' && depth > queryDepthMax) {
    throw walk.source.error('not_allowed', `queries are nested deeper than ${queryDepthMax}`, { at: node });
  }
  examine(walk, rule, node, inner);
  for (const [field, tree] of Object.entries(node)) {
    if (field === 'cte_map' && rule === 'query') continue;
    const content: Content | undefined = Object.hasOwn(fields, field) ? fields[field] : 'empty';
    contents(walk, content, field, tree, node, inner, depth);
  }
}

function fieldsOf(walk: Walk, rule: Rule, node: Node): Fields {
  if (rule !== 'query' && rule !== 'modifier' && rule !== 'table' && rule !== 'expression') return forms[rule];
  const kind = textOf(rule === 'expression' ? node['class'] : node['type']);
  if (!Object.hasOwn(kinds[rule], kind)) throw refuse(walk, kind, node);
  return kinds[rule][kind];
}

function contents(walk: Walk, content: Content, field: string, tree: SqlTree, owner: Node, scope: Scope, depth: number): void {
  if (content === 'value') return;
  if (content === 'empty') {
    if (!isEmpty(tree)) throw refuse(walk, field, owner);
    return;
  }
  if (tree === null) return;
  const rule = ruleOf(content);
  const below = rule === 'query' || rule === 'statement' ? depth + 1 : depth;
  for (const entry of Array.isArray(tree) ? tree.flat() : [tree]) {
    if (!isNode(entry)) throw refuse(walk, field, owner);
    form(walk, rule, entry, scope, below);
  }
}

function ruleOf(content: Exclude<Content, 'value' | 'empty'>): Rule {
  return content.replace(/(\[\])+$/, '') as Rule;
}

/** The scope inside a query: what is outside it, and its own CTEs. Each CTE sees those before it. */
function withCtes(walk: Walk, query: Node, scope: Scope, depth: number): Scope {
  const map = query['cte_map'];
  const entries = isNode(map) ? nodesOf(map['map']) : [];
  const inner = new Set(scope);
  for (const entry of entries) {
    const name = textOf(entry['key']);
    if (walk.names.tables.has(name.toLowerCase())) {
      throw walk.source.error('not_allowed', `the CTE ${name} hides the view of that name`, { at: entry, hint: 'give it another name' });
    }
    form(walk, 'cte', entry, new Set(inner), depth + 1);
    inner.add(name.toLowerCase());
  }
  return inner;
}

/** What the grammar alone cannot say. */
function examine(walk: Walk, rule: Rule, node: Node, scope: Scope): void {
  if (rule === 'table') examineTable(walk, node, scope);
  else if (rule === 'expression') examineExpression(walk, node);
  else if (rule === 'type') examineType(walk, node);
}

function examineTable(walk: Walk, node: Node, scope: Scope): void {
  switch (node['type']) {
    case 'BASE_TABLE':
      return examineName(walk, node, scope);
    case 'TABLE_FUNCTION':
      return examineTableFunction(walk, node);
    case 'EXPRESSION_LIST':
      if (Array.isArray(node['values']) && node['values'].length > valuesRowsMax) {
        throw walk.source.error('not_allowed', `VALUES has more than ${valuesRowsMax} rows`, { at: node });
      }
      return;
    case 'JOIN':
      return examineJoin(walk, node);
    default:
  }
}

function examineName(walk: Walk, node: Node, scope: Scope): void {
  const name = textOf(node['table_name']);
  const lower = name.toLowerCase();
  const qualifier = ['catalog_name', 'schema_name'].map((field) => textOf(node[field])).filter((part) => part !== '');
  if (qualifier.length > 0) {
    throw walk.source.error('not_allowed', `${[...qualifier, name].join('.')} is not a view of the window`, {
      at: node,
      hint: walk.names.tables.has(lower) ? `write ${name} alone` : null,
    });
  }
  if (scope.has(lower) || walk.names.tables.has(lower)) return;
  throw walk.source.error('unknown_name', `there is no view ${name}`, {
    at: node,
    hint: suggestion(name, [...walk.names.tables, ...scope]) ?? `the views are ${[...walk.names.tables].join(', ')}`,
  });
}

function examineTableFunction(walk: Walk, node: Node): void {
  const call = node['function'];
  const name = isNode(call) ? textOf(call['function_name']).toLowerCase() : '';
  if (tableFunctions.has(name)) return;
  const refusal = refusalOf(name);
  const what = refusal === null ? 'is not a table function for policies' : refusalReasons[refusal].what;
  throw walk.source.error('not_allowed', `${name}() ${what}`, { at: node, hint: 'tables are the views, CTEs, unnest and range' });
}

function examineJoin(walk: Walk, node: Node): void {
  const kind = textOf(node['ref_type']);
  if (kind === 'NATURAL') throw walk.source.error('not_allowed', 'NATURAL JOIN also joins on attributes', { at: node, hint: 'write USING (trace_id)' });
  if (kind === 'POSITIONAL') throw walk.source.error('not_allowed', 'POSITIONAL JOIN depends on the order of rows', { at: node });
}

function examineExpression(walk: Walk, node: Node): void {
  switch (node['class']) {
    case 'FUNCTION':
    case 'WINDOW':
      return examineCall(walk, node);
    case 'OPERATOR':
      if (!allowedOperators.has(textOf(node['type']))) throw refuse(walk, textOf(node['type']), node);
      return;
    case 'COLUMN_REF': {
      const parts = columnParts(node);
      if (['rowid', 'tableoid'].includes(parts?.at(-1)?.toLowerCase() ?? '')) {
        throw walk.source.error('unknown_name', `views have no ${parts?.at(-1)}`, { at: node, hint: 'id numbers the rows' });
      }
      if (parts?.length === 1 && valueFunctions.has(parts[0].toLowerCase())) throw refusedCall(walk, node, parts[0].toLowerCase());
      return;
    }
    case 'STAR':
      if (node['columns'] === true) throw refuse(walk, 'expr', node);
      return;
    default:
  }
}

function refusedCall(walk: Walk, node: Node, name: string): Error {
  const refusal = refusalOf(name);
  if (refusal !== null) {
    const { what, hint } = refusalReasons[refusal];
    return walk.source.error('not_allowed', `${name}() ${what}`, { at: node, hint });
  }
  const hint = suggestion(name, [...walk.names.macros, ...allowedFunctions].filter((known) => /^\w+$/.test(known)));
  return walk.source.error('unknown_name', `${name}() is not on the list of functions for policies`, { at: node, hint });
}

function examineCall(walk: Walk, node: Node): void {
  const name = textOf(node['function_name']).toLowerCase();
  const schema = textOf(node['schema']);
  if (schema !== '' && schema !== 'main') throw walk.source.error('not_allowed', `${schema}.${name}() is refused`, { at: node, hint: 'write the function\'s name alone' });
  if (rangeFunctions.has(name)) return examineRange(walk, node, name);
  if (node['class'] === 'WINDOW' && collectingFunctions.has(name)) {
    throw walk.source.error('not_allowed', `${name}() OVER (...) gives each row a copy of all rows of its frame`, { at: node, hint: 'aggregate with GROUP BY and join' });
  }
  const bound = boundedFunctions.get(name);
  if (bound !== undefined) {
    const size = wholeConstant(nodesOf(node['children'])[bound.argument]);
    if (size === null || size > bound.max) {
      throw walk.source.error('not_allowed', `${name}() needs a constant length of at most ${bound.max}`, { at: node });
    }
    return;
  }
  if (!allowedFunctions.has(name) && !walk.names.macros.has(name)) throw refusedCall(walk, node, name);
}

function examineRange(walk: Walk, node: Node, name: string): void {
  const bounds = nodesOf(node['children']).map(wholeConstant);
  const [first = 0, second = null, step = 1] = bounds;
  const known = bounds.length > 0 && step !== 0 && bounds.every((bound) => bound !== null);
  const span = second === null ? (first ?? 0) : second - (first ?? 0);
  const count = known ? Math.ceil(Math.abs(span) / Math.max(1, Math.abs(step ?? 1))) + 1 : Infinity;
  if (count > rangeValuesMax + 1) {
    throw walk.source.error('not_allowed', `${name}() needs whole constants and at most ${rangeValuesMax} values`, { at: node });
  }
}

/** Value of a whole number written as a constant, with its sign; null for anything else. */
function wholeConstant(tree: SqlTree | undefined): number | null {
  if (!isNode(tree)) return null;
  if (tree['class'] === 'FUNCTION' && tree['function_name'] === '-') {
    const children = nodesOf(tree['children']);
    const value = children.length === 1 ? wholeConstant(children[0]) : null;
    return value === null ? null : -value;
  }
  const constant = constantOf(tree);
  return typeof constant?.value === 'number' && /INT$|^INTEGER$/.test(constant.type) && Number.isSafeInteger(constant.value) ? constant.value : null;
}

function examineType(walk: Walk, node: Node): void {
  const id = textOf(node['id']);
  const info = node['type_info'];
  if (!allowedCastTypes.has(id)) {
    const name = isNode(info) ? textOf(info['name']) : '';
    throw walk.source.error('not_allowed', `a cast to ${name === '' ? id : name} is not for policies`, { hint: `types are ${[...allowedCastTypes].join(', ')}` });
  }
  if (!isNode(info)) return;
  const nested = [info['child_type'], ...nodesOf(info['child_types']).map((child) => child['second'])];
  for (const type of nested) if (isNode(type)) examineType(walk, type);
}
