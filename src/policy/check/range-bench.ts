import type { Analysis, Bench } from '../compile/analysis.ts';
import { tableShapes } from '../compile/catalog-sql.ts';
import type { Examined } from '../compile/compiler.ts';
import { type Node, tablesOf } from '../compile/sql-tree.ts';
import { isEmptyPlan } from './empty-plan.ts';
import { rangeTableSql } from './value-ranges.ts';

/** Most plans that are made for one policy: beyond them nothing more is found. */
const plansMax = 100;

/** Questions about a policy to a planner that knows the range of every column. */
export class RangeBench {
  readonly #analysis: Analysis;
  readonly #bench: Bench;
  readonly #examined: Examined;
  #plans = 0;

  private constructor(analysis: Analysis, bench: Bench, examined: Examined) {
    this.#analysis = analysis;
    this.#bench = bench;
    this.#examined = examined;
  }

  /** `analysis`: one that optimizes. */
  static async open(analysis: Analysis, examined: Examined): Promise<RangeBench> {
    const bench = await analysis.bench(examined.source);
    const named = tablesOf(examined.statement);
    for (const table of tableShapes(examined.policy.signal)) {
      if (!named.has(table.name)) continue;
      for (const sql of rangeTableSql(table, examined.keys)) await bench.run(sql);
    }
    return new RangeBench(analysis, bench, examined);
  }

  close(): void {
    this.#bench.close();
  }

  /** Whether a SELECT, as a tree, can have no rows; null where that cannot be told, as for a subquery of other queries' columns. */
  async isEmpty(query: Node): Promise<boolean | null> {
    const sql = await this.#print(query);
    return sql === null ? null : this.isEmptySql(sql);
  }

  async isEmptySql(sql: string): Promise<boolean | null> {
    if (++this.#plans > plansMax) return null;
    try {
      return isEmptyPlan(await this.#bench.planOf(sql));
    } catch {
      return null;
    }
  }

  /** Value of a constant expression as a number: NaN where it is none, null for NULL; undefined where it cannot be told. */
  async numberOf(expression: Node): Promise<number | null | undefined> {
    const sql = await this.#print(selectOf(expression));
    if (sql === null) return undefined;
    try {
      const value = await this.#bench.valueOf(`SELECT TRY_CAST((${sql}) AS DOUBLE)`);
      return value === null || typeof value === 'number' ? value : undefined;
    } catch {
      return undefined;
    }
  }

  async #print(query: Node): Promise<string | null> {
    try {
      return await this.#analysis.write({ ...this.#examined.statement, node: query });
    } catch {
      return null;
    }
  }
}

/** The place of a node that we made. */
export const nowhere: Node = { $number: '18446744073709551615' };

/** What a SELECT without clauses has. */
export const bareSelect: Node = {
  type: 'SELECT_NODE', modifiers: [], cte_map: { map: [] }, where_clause: null, group_expressions: [], group_sets: [],
  aggregate_handling: 'STANDARD_HANDLING', having: null, sample: null, qualify: null,
};

function selectOf(expression: Node): Node {
  return { ...bareSelect, select_list: [expression], from_table: { type: 'EMPTY', alias: '', sample: null, query_location: nowhere } };
}
