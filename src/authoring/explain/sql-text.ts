import type { Analysis } from '../../policy/compile/analysis.ts';
import { PolicySource } from '../../policy/compile/policy-source.ts';
import { isNode, type Node, type SqlTree } from '../../policy/compile/sql-tree.ts';

/** Writes parts of a parsed statement as SQL again, by DuckDB's own printer. */
export class SqlTexts {
  readonly #analysis: Analysis;
  readonly #source: PolicySource;
  readonly #template: Node;

  private constructor(analysis: Analysis, source: PolicySource, template: Node) {
    this.#analysis = analysis;
    this.#source = source;
    this.#template = template;
  }

  static async open(analysis: Analysis): Promise<SqlTexts> {
    const source = new PolicySource('part', 'SELECT 1 FROM t');
    return new SqlTexts(analysis, source, await analysis.parse(source));
  }

  /** An expression, without the parentheses around it. */
  async expression(tree: SqlTree): Promise<string> {
    const unnamed = isNode(tree) ? { ...tree, alias: '' } : tree;
    const text = await this.#printed((select) => ({ ...select, select_list: [unnamed] }));
    return tidy(text.replace(/^SELECT\s+/, '').replace(/\s+FROM t$/, ''));
  }

  /** What stands behind FROM. */
  async from(tree: SqlTree): Promise<string> {
    const text = await this.#printed((select) => ({ ...select, from_table: tree }));
    return tidy(text.replace(/^SELECT\s+1\s+FROM\s+/, ''));
  }

  async #printed(change: (select: Node) => Node): Promise<string> {
    const select = this.#template['node'];
    if (!isNode(select)) throw new Error('invariant broken: a SELECT has a node');
    try {
      return await this.#analysis.print(this.#source, { ...this.#template, node: change(select) });
    } catch {
      return '(...)';
    }
  }
}

/** DuckDB's text, nearer to what people write. */
function tidy(text: string): string {
  const plain = text.replace(/to_(\w+?)s?\(CAST\('?(-?[\d.]+)'? AS \w+\)\)/g, (_, unit: string, count: string) => `${count} ${unit}${count === '1' ? '' : 's'}`);
  return withoutParentheses(plain.replace(/\s+/g, ' ').trim());
}

/** Takes away parentheses that enclose all of the text. */
export function withoutParentheses(text: string): string {
  if (!text.startsWith('(') || !text.endsWith(')')) return text;
  let depth = 0;
  let isQuoted = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === "'") isQuoted = !isQuoted;
    if (isQuoted) continue;
    if (character === '(') depth++;
    if (character === ')') depth--;
    if (depth === 0 && at < text.length - 1) return text;
  }
  return withoutParentheses(text.slice(1, -1));
}
