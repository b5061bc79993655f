import type { CompiledPolicy } from '../../policy/compile/compiled.ts';
import { constantOf, isNode, type Node, nodesOf, type SqlTree, textOf, visitNodes } from '../../policy/compile/sql-tree.ts';
import type { SqlTexts } from './sql-text.ts';

/** One SELECT of a policy, in words. */
export interface Part {
  /** Which rows it looks at. */
  readonly rows: string;
  /** What it does with them: the probability, or the sampling function with its arguments. */
  readonly does: string;
  /** What the sampling function means; null where there is none. */
  readonly meaning: string | null;
}

/** A policy in words. */
export interface Words {
  /** What the header says it is for. */
  readonly purpose: string;
  /** Subqueries that it names before (WITH). */
  readonly before: readonly { readonly name: string; readonly parts: readonly Part[] }[];
  readonly parts: readonly Part[];
  /** What becomes of the items that it does not name. */
  readonly rest: string;
}

/** Says what a policy's tree does; `docs` holds the meanings of the sampling functions by name. */
export async function wordsOf(policy: CompiledPolicy, statement: Node, texts: SqlTexts, docs: ReadonlyMap<string, string>): Promise<Words> {
  const node = statement['node'];
  const describe = new Describing(texts, docs);
  const before: { readonly name: string; readonly parts: readonly Part[] }[] = [];
  for (const { name, query } of subqueries(node)) before.push({ name, parts: await describe.parts(query, false) });
  return { purpose: purposeOf(policy), before, parts: await describe.parts(node, true), rest: restOf(policy) };
}

function purposeOf({ signal, mode }: CompiledPolicy): string {
  const items = signal === 'traces' ? 'traces' : 'log records';
  if (mode === 'drop') return `Puts a ceiling on the probability of the ${items} that it names, before any other policy runs.`;
  if (mode === 'shadow') return `Names ${items}, is counted, and changes nothing.`;
  return `Names ${items} with a probability; a named one is kept when its randomness R reaches the threshold T of that probability.`;
}

function restOf({ signal, mode, keyKind }: CompiledPolicy): string {
  const item = signal === 'traces' ? 'trace' : 'log record';
  if (mode === 'drop') return `A ${item} that it does not name has no ceiling.`;
  const whole = signal === 'traces' && keyKind === 'id' ? 'A span that it names stands for its whole trace. ' : '';
  const rest = mode === 'shadow' ? '' : ` One that no policy names is dropped.`;
  return `${whole}A ${item} that it names more than once gets the greatest probability.${rest}`;
}

function subqueries(node: SqlTree | undefined): { readonly name: string; readonly query: SqlTree }[] {
  const map = isNode(node) && isNode(node['cte_map']) ? nodesOf(node['cte_map']['map']) : [];
  return map.flatMap(({ key, value }) => (isNode(value) && isNode(value['query']) ? [{ name: textOf(key), query: value['query']['node'] }] : []));
}

class Describing {
  readonly #texts: SqlTexts;
  readonly #docs: ReadonlyMap<string, string>;

  constructor(texts: SqlTexts, docs: ReadonlyMap<string, string>) {
    this.#texts = texts;
    this.#docs = docs;
  }

  /** The SELECTs of a query; `isTop`: they name items. */
  async parts(node: SqlTree, isTop: boolean): Promise<Part[]> {
    if (!isNode(node)) return [];
    if (node['type'] === 'SET_OPERATION_NODE') {
      const first = await this.parts(node['left'], isTop);
      const second = await this.parts(node['right'], isTop);
      const how = textOf(node['setop_type']);
      if (how === 'UNION') return [...first, ...second];
      return [...first, ...second.map((part) => ({ ...part, does: `${how === 'EXCEPT' ? 'not those' : 'only those also'}: ${part.does}` }))];
    }
    return [{ rows: await this.#rows(node), ...(isTop ? await this.#names(node) : await this.#gives(node)) }];
  }

  async #rows(select: Node): Promise<string> {
    const parts = [await this.#texts.from(select['from_table'])];
    if (isNode(select['where_clause'])) parts.push(`where ${await this.#texts.expression(select['where_clause'])}`);
    const groups = await this.#list(nodesOf(select['group_expressions']));
    if (groups !== '') parts.push(`for each ${groups}`);
    if (isNode(select['having'])) parts.push(`having ${await this.#texts.expression(select['having'])}`);
    if (isNode(select['qualify'])) parts.push(`that qualify by ${await this.#texts.expression(select['qualify'])}`);
    return parts.join(', ');
  }

  async #gives(select: Node): Promise<Omit<Part, 'rows'>> {
    return { does: `gives ${await this.#list(nodesOf(select['select_list']), true)}`, ...this.#meaning(select['select_list']) };
  }

  async #names(select: Node): Promise<Omit<Part, 'rows'>> {
    const list = nodesOf(select['select_list']);
    const called = this.#called(list);
    if (called !== null && !hasProbability(list)) return { does: `samples by ${await this.#texts.expression(called)}`, ...this.#meaning(called) };
    const given = list.find(({ alias }) => alias === 'probability') ?? list.find(({ alias }) => alias === 'adjusted_count') ?? list[1];
    if (given === undefined) return { does: `gives ${await this.#list(list)}`, meaning: null };
    const text = await this.#texts.expression(given);
    const does = given['alias'] === 'adjusted_count' ? `names with adjusted count ${text}` : probabilityWords(given, text);
    return { does, ...this.#meaning(given) };
  }

  #meaning(tree: SqlTree): { readonly meaning: string | null } {
    const called = this.#called(tree);
    return { meaning: called === null ? null : this.#docs.get(textOf(called['function_name']).toLowerCase()) ?? null };
  }

  /** The first call of a function of the library. */
  #called(tree: SqlTree): Node | null {
    let found: Node | null = null;
    visitNodes(tree, (node) => {
      if (found === null && this.#docs.has(textOf(node['function_name']).toLowerCase())) found = node;
    });
    return found;
  }

  async #list(expressions: readonly Node[], named = false): Promise<string> {
    const texts: string[] = [];
    for (const expression of expressions) {
      const text = await this.#texts.expression(expression);
      const alias = textOf(expression['alias']);
      texts.push(named && alias !== '' && alias !== text ? `${alias} = ${text}` : text);
    }
    return texts.join(', ');
  }
}

function hasProbability(list: readonly Node[]): boolean {
  return list.some(({ alias }) => alias === 'probability' || alias === 'adjusted_count');
}

function probabilityWords(given: Node, text: string): string {
  const value = constantOf(given) === null ? null : Number(text.replace(/^CAST\('?([\d.]+)'? AS .*\)$/, '$1'));
  if (value === 1) return 'keeps all of them (probability 1)';
  if (value === 0) return 'keeps none of them (probability 0)';
  if (value !== null && value > 0 && value < 1) return `keeps ${Number((value * 100).toPrecision(4))} % of them (probability ${value}); each kept one stands for ${Number((1 / value).toPrecision(4))}`;
  return `names each with probability ${text}`;
}
