import { conventionalTypes } from '../catalog/semconv.ts';
import type { KeyRead, KeyType } from './compiled.ts';
import type { DeclaredKey, Header } from './header.ts';
import type { PolicySource } from './policy-source.ts';
import { type Ancestors, constantOf, isNode, type Node, nodesOf, type SqlTree, textOf } from './sql-tree.ts';

/** One place where the policy reads a key. */
export interface KeyUse {
  readonly source: KeyRead['source'];
  readonly key: string;
  /** The ARRAY_EXTRACT. */
  readonly subscript: Node;
  /** What is above it, the nearest first. */
  readonly ancestors: Ancestors;
}

/** Key type that a cast to a SQL type asks for; a cast to another type does not decide. */
const typeOfCast: { readonly [type: string]: KeyType } = {
  VARCHAR: 'VARCHAR', BOOLEAN: 'BOOLEAN', DOUBLE: 'DOUBLE', FLOAT: 'DOUBLE', DECIMAL: 'DOUBLE',
  TINYINT: 'BIGINT', SMALLINT: 'BIGINT', INTEGER: 'BIGINT', BIGINT: 'BIGINT', HUGEINT: 'BIGINT',
  UTINYINT: 'BIGINT', USMALLINT: 'BIGINT', UINTEGER: 'BIGINT', UBIGINT: 'BIGINT', UHUGEINT: 'BIGINT',
};

/**
 * Type of a key: what the header declares; else what the semantic conventions say; else what a cast around it
 * asks for; else VARCHAR. Throws PolicyError `key_type` when two casts ask for different types.
 */
export function typeOfKey(source: PolicySource, header: Header, uses: readonly KeyUse[]): KeyType {
  const [{ key, source: bag }] = uses;
  const declared = declaredType(header, bag, key);
  if (declared !== null) return declared.type;
  const conventional = conventionalTypes.get(key);
  if (conventional !== undefined) return conventional;
  let decided: { readonly type: KeyType; readonly at: Node } | null = null;
  for (const use of uses) {
    const type = castAround(use);
    if (type === null) continue;
    decided ??= { type, at: use.subscript };
    if (decided.type !== type) {
      throw source.error('key_type', `${nameOf(use)} is cast to ${type} here and to ${decided.type} at ${source.place(decided.at)}`, {
        at: use.subscript, hint: `declare its type: -- ${headerWord(bag)}: ${key} ${type}`,
      });
    }
  }
  return decided?.type ?? 'VARCHAR';
}

function declaredType(header: Header, bag: KeyRead['source'], key: string): DeclaredKey | null {
  return header.keys.find((declared) => declared.source === bag && declared.key === key) ?? null;
}

function castAround({ ancestors }: KeyUse): KeyType | null {
  const parent = ancestors?.node;
  if (parent?.['class'] !== 'CAST' || !isNode(parent['cast_type'])) return null;
  return typeOfCast[textOf(parent['cast_type']['id'])] ?? null;
}

function nameOf({ source, key }: KeyUse): string {
  return `${source}['${key}']`;
}

function headerWord(bag: KeyRead['source']): string {
  return bag === 'resource' ? 'resource' : 'attribute';
}

type Family = 'text' | 'number' | 'boolean';

const families: { readonly [type in KeyType]: Family } = { VARCHAR: 'text', BIGINT: 'number', DOUBLE: 'number', BOOLEAN: 'boolean' };

/** Throws PolicyError `key_type` when a key is compared with a literal that is not of its kind. */
export function checkComparison(source: PolicySource, header: Header, use: KeyUse, type: KeyType): void {
  for (const other of comparedWith(use)) {
    const family = familyOf(other);
    if (family === null || family === families[type]) continue;
    throw source.error('key_type', `${nameOf(use)} is read as ${type}${reasonOf(header, use)} and meets a ${family} here`, {
      at: use.subscript, hint: remedy(use, type, family),
    });
  }
}

function reasonOf(header: Header, { source, key }: KeyUse): string {
  if (declaredType(header, source, key) !== null) return ' (declared)';
  return conventionalTypes.has(key) ? ' (semantic conventions)' : '';
}

function remedy(use: KeyUse, type: KeyType, family: Family): string {
  if (type === 'VARCHAR') {
    const wanted = family === 'number' ? 'BIGINT' : 'BOOLEAN';
    return `write ${nameOf(use)}::${wanted}, or declare -- ${headerWord(use.source)}: ${use.key} ${wanted}`;
  }
  const literal = type === 'BOOLEAN' ? 'true or false' : 'a number without quotes';
  return `compare it with ${literal}; if your values are of another type declare -- ${headerWord(use.source)}: ${use.key} VARCHAR`;
}

/** Literals and others that the value of `use` is compared with, or replaced by when it is NULL. */
function comparedWith({ subscript, ancestors }: KeyUse): readonly SqlTree[] {
  const parent = ancestors?.node;
  if (parent === undefined) return [];
  const isCall = parent['function_name'] === 'nullif' || /^!?~~\*?$/.test(textOf(parent['function_name']));
  switch (parent['class']) {
    case 'COMPARISON':
      return [parent['left'], parent['right']];
    case 'BETWEEN':
      return [parent['input'], parent['lower'], parent['upper']];
    case 'OPERATOR':
      return ['COMPARE_IN', 'COMPARE_NOT_IN', 'OPERATOR_COALESCE'].includes(textOf(parent['type'])) ? without(nodesOf(parent['children']), subscript) : [];
    case 'FUNCTION':
      return isCall ? without(nodesOf(parent['children']), subscript) : [];
    default:
      return [];
  }
}

function without(nodes: readonly Node[], node: Node): readonly Node[] {
  return nodes.filter((candidate) => candidate !== node);
}

/** Kind of a literal; null for anything else. */
function familyOf(tree: SqlTree): Family | null {
  if (!isNode(tree)) return null;
  if (tree['class'] === 'CAST' && isNode(tree['cast_type']) && constantOf(tree['child']) !== null) {
    return tree['cast_type']['id'] === 'BOOLEAN' ? 'boolean' : null;
  }
  if (tree['class'] === 'FUNCTION' && tree['function_name'] === '-') {
    const children = nodesOf(tree['children']);
    return children.length === 1 ? familyOf(children[0]) : null;
  }
  const constant = constantOf(tree);
  if (constant === null) return null;
  if (constant.type === 'VARCHAR') return 'text';
  return constant.type === 'BOOLEAN' ? 'boolean' : 'number';
}
