import type { Seam } from '../base/seam.ts';
import { Analysis, type Bench, type ResultColumn } from '../policy/compile/analysis.ts';
import { bindingError } from '../policy/compile/binding-error.ts';
import { allReads } from '../policy/compile/catalog-sql.ts';
import { pinDoubles, translateForeign } from '../policy/compile/foreign.ts';
import { checkGrowth } from '../policy/compile/growth.ts';
import { boundPatterns } from '../policy/compile/patterns.ts';
import { PolicyError } from '../policy/compile/policy-error.ts';
import { PolicySource } from '../policy/compile/policy-source.ts';
import { checkStatement, type Names } from '../policy/compile/sandbox.ts';
import { ruleTables } from './rule-tables.ts';

/** The SQL of rates made safe: one SELECT over `head_statistics` and `head_settings`, in which the same is allowed as in policies. */
export interface CompiledRule {
  readonly name: string;
  /** SELECT of service VARCHAR, operation VARCHAR, rate DOUBLE, reason VARCHAR. */
  readonly sql: string;
}

const names: Names = { tables: new Set(ruleTables.map(({ name }) => name)), macros: new Set() };
const numbers = /^(U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|DOUBLE|FLOAT|DECIMAL\b.*)$/;

/** Whether a text is meant as a rule of rates and not as a policy: it names its view. */
export function isRule(text: string): boolean {
  return /\bhead_statistics\b/i.test(text.replaceAll(/--[^\n]*|\/\*[\s\S]*?\*\//g, ''));
}

/** Throws PolicyError: what is wrong, where, and what to write instead. */
export async function compileRule(name: string, text: string, seam: Seam): Promise<CompiledRule> {
  const source = new PolicySource(name, text);
  const analysis = await Analysis.open([], seam);
  try {
    const statement = await analysis.parse(source);
    translateForeign(statement);
    checkStatement(source, names, statement);
    checkGrowth(source, statement);
    boundPatterns(source, statement);
    pinDoubles(statement);
    const sql = await analysis.print(source, statement);
    const bench = await analysis.bench(source);
    try {
      return { name, sql: shaped(source, sql, await columnsOf(bench, sql)) };
    } catch (error) {
      throw error instanceof PolicyError ? error : bindingError(source, statement, ruleTables, [], error);
    } finally {
      bench.close();
    }
  } finally {
    analysis.close();
  }
}

async function columnsOf(bench: Bench, sql: string): Promise<readonly ResultColumn[]> {
  await bench.createTables(ruleTables, (table) => allReads(table, []));
  return bench.columnsOf(sql);
}

function shaped(source: PolicySource, sql: string, columns: readonly ResultColumn[]): string {
  const typeOf = (name: string): string | null => columns.find((column) => column.name.toLowerCase() === name)?.type ?? null;
  for (const name of ['service', 'operation', 'reason']) {
    const type = typeOf(name);
    if (type === null && name !== 'reason') throw source.error('shape', `it returns no column ${name}`, { hint: 'return service, operation and rate of each row of head_statistics, and reason if you like' });
    if (type !== null && type !== 'VARCHAR') throw source.error('shape', `its column ${name} is ${type}`, { hint: `${name} is a text` });
  }
  const rate = typeOf('rate');
  if (rate === null || !numbers.test(rate)) throw source.error('shape', rate === null ? 'it returns no column rate' : `its column rate is ${rate}`, { hint: 'rate is a number from 0 to 1' });
  return `SELECT service, operation, rate::DOUBLE AS rate, ${typeOf('reason') === null ? "''" : "coalesce(reason, '')"} AS reason FROM (${sql})`;
}
