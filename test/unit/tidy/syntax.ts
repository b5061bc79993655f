import { parseAst } from 'vite';

/** A node of the syntax tree (ESTree with TypeScript's nodes), as far as these checks look at it. */
export interface SyntaxNode {
  readonly type: string;
  readonly start: number;
  readonly [key: string]: unknown;
}

export function isNode(value: unknown): value is SyntaxNode {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';
}

/** Every node below and including `node`, depth first. */
export function* nodesOf(node: SyntaxNode): Generator<SyntaxNode> {
  yield node;
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) if (isNode(child)) yield* nodesOf(child);
  }
}

/** The syntax tree of a TypeScript source. */
export function parseSource(source: string): SyntaxNode {
  const tree: unknown = parseAst(source, { lang: 'ts' });
  if (!isNode(tree)) throw new Error('the parser gave no tree');
  return tree;
}

/** What a source imports or re-exports, statically or by `import()`: the specifiers. */
export function importsOf(tree: SyntaxNode): string[] {
  return [...nodesOf(tree)].flatMap((node) => {
    const source = node['source'];
    const isImport = /^(ImportDeclaration|ExportNamedDeclaration|ExportAllDeclaration|ImportExpression)$/.test(node.type);
    return isImport && isNode(source) && typeof source['value'] === 'string' ? [source['value']] : [];
  });
}

/** `Date.now` for a member access on a plain name, else null. */
export function memberName(node: SyntaxNode): string | null {
  const { object, property } = node;
  if (node.type !== 'MemberExpression' || !isNode(object) || !isNode(property)) return null;
  return object.type === 'Identifier' && property.type === 'Identifier' ? `${String(object['name'])}.${String(property['name'])}` : null;
}

/** What the house style forbids in one source: a word for each finding, with its line. */
export function forbiddenSyntax(source: string, { mayReadClocks }: { readonly mayReadClocks: boolean }): string[] {
  const tree = parseSource(source);
  const findings = [...nodesOf(tree)].flatMap((node) => {
    const word = wordFor(node, mayReadClocks);
    return word === null ? [] : [{ word, start: node.start }];
  });
  const body = Array.isArray(tree['body']) ? tree['body'].filter(isNode) : [];
  const mutable = body.map((node) => (node.type === 'ExportNamedDeclaration' && isNode(node['declaration']) ? node['declaration'] : node))
    .filter((node) => node.type === 'VariableDeclaration' && node['kind'] !== 'const');
  return [...findings, ...mutable.map(({ start }) => ({ word: 'mutable state of the module', start }))]
    .map(({ word, start }) => `line ${source.slice(0, start).split('\n').length}: ${word}`);
}

const clocks = ['Date.now', 'Math.random', 'performance.now', 'process.hrtime'];

function wordFor(node: SyntaxNode, mayReadClocks: boolean): string | null {
  if (node.type === 'TSAnyKeyword') return 'any';
  if (node.type === 'TSNonNullExpression') return 'non-null assertion';
  const inner = node['expression'];
  if (node.type === 'TSAsExpression' && isNode(inner) && inner.type === 'TSAsExpression') return 'double assertion';
  const name = memberName(node);
  if (name !== null && clocks.includes(name) && !mayReadClocks) return name;
  const bareDate = node.type === 'NewExpression' && isNode(node['callee']) && node['callee']['name'] === 'Date' && Array.isArray(node['arguments']) && node['arguments'].length === 0;
  return bareDate && !mayReadClocks ? 'new Date()' : null;
}
