import { realSeam, type Seam } from '../../base/seam.ts';
import { catalogSideViews } from '../catalog/side-views.ts';
import { catalogStars } from '../catalog/stars.ts';
import { neverSplitting, samplingFunctions } from './allowed-functions.ts';
import { Analysis, type Bench } from './analysis.ts';
import { bindingError } from './binding-error.ts';
import { allReads, tableShapes, type TableShape } from './catalog-sql.ts';
import { type CertainPart, certainPart } from './certain/certain-part.ts';
import { checkCeilingReads, checkCeilingText } from './ceiling-reads.ts';
import type { CompiledPolicy, KeyRead, SideReads, StarReads, ViewReads } from './compiled.ts';
import { type Finding, findingText } from './finding.ts';
import { pinDoubles, translateForeign } from './foreign.ts';
import { checkGrowth } from './growth.ts';
import { parseHeader } from './header.ts';
import { completeArguments } from './implicit-arguments.ts';
import { checkSides, historyPlan } from './history-plan.ts';
import { rewriteKeys } from './keys.ts';
import { checkItems, lint } from './lint.ts';
import { namesItemsOnce } from './names-once.ts';
import { namesOnlySampleOf } from './names-only-sample.ts';
import { boundPatterns } from './patterns.ts';
import { PolicyError } from './policy-error.ts';
import { PolicySource } from './policy-source.ts';
import { type Reads, readsOf } from './reads.ts';
import { quickSqls } from './quick/quick-sqls.ts';
import { rowForms } from './quick/sample.ts';
import { rowSamplesAsJoins } from './row-samples.ts';
import { checkStatement, type Names } from './sandbox.ts';
import { type Reading, type Shape, shapeOf } from './shape.ts';
import { signalOf, tableNames } from './signal.ts';
import { findNode, type Node, textOf } from './sql-tree.ts';
import { starKeys } from './star-keys.ts';

/** Turns policy text into something safe, typed and analysed. Holds a DuckDB of its own until closed. */
export class PolicyCompiler {
  readonly #analysis: Analysis;
  readonly #names: Names;

  private constructor(analysis: Analysis) {
    this.#analysis = analysis;
    const aliases = catalogStars.flatMap((star) => star.aliases);
    this.#names = { tables: new Set([...tableNames, ...aliases]), macros: new Set([...samplingFunctions].filter((name) => analysis.macros.has(rowForms.has(name) ? name.replace(/_p$/, '_every') : name))) };
  }

  /** `functions`: files of trusted SQL that create the sampling macros, in the order in which they depend on each other. */
  static async create(functions: readonly { readonly path: string }[], seam: Seam = realSeam()): Promise<PolicyCompiler> {
    return new PolicyCompiler(await Analysis.open(functions.map(({ path }) => path), seam));
  }

  close(): void {
    this.#analysis.close();
  }

  /** Throws PolicyError: what is wrong, where, and what to write instead. */
  async compile(name: string, text: string): Promise<CompiledPolicy> {
    return (await this.examine(name, text)).policy;
  }

  /** The same, with all that the lints say and the tree that they looked at. Throws PolicyError. */
  async examine(name: string, text: string): Promise<Examined> {
    const source = new PolicySource(name, text);
    const header = parseHeader(source);
    const statement = await this.#analysis.parse(source);
    translateForeign(statement);
    checkStatement(source, this.#names, statement);
    checkGrowth(source, statement);
    boundPatterns(source, statement);
    completeArguments(source, statement);
    const isCeiling = header.mode === 'drop';
    if (isCeiling) checkCeilingText(source, statement, this.#names.macros);
    const signal = signalOf(source, header, statement);
    const keys = rewriteKeys(source, header, statement);
    pinDoubles(statement);
    const joined = await rowSamplesAsJoins(this.#analysis, source, statement);
    const sql = await this.#analysis.print(source, joined);
    const tables = tableShapes(signal);
    const bench = await this.#analysis.bench(source);
    try {
      const samples = callsAny(statement, new Set([...this.#names.macros].filter((name) => !neverSplitting.has(name))));
      const reading = { samples, isCeiling, once: namesItemsOnce(statement) };
      const { inverse, ...shape } = await bind(bench, { source, tables, keys, sql, reading });
      const quick = samples ? await quickSqls({ analysis: this.#analysis, source, bench, statement, reading }) : [];
      const { reads, complete } = await readsOf(bench, { tables, keys, statement: joined, wrappedSql: shape.wrappedSql });
      checkItems(source, signal, shape.keyKind, reads);
      if (isCeiling) checkCeilingReads(source, reads, keys);
      const stars = starReads(tables, reads, starKeys(statement));
      const sides = sideReads(reads);
      const findings = lint({ source, statement, stars, keys, macros: this.#names.macros, complete, inverse, namesSpans: signal === 'traces' && shape.keyKind === 'id' });
      const warnings = [...header.warnings, ...checkSides(source, sides, header), ...findings.filter(({ severity }) => severity !== 'note').map(findingText)];
      const history = await historyPlan(source, header, signal, this.#analysis);
      const only = namesOnlySampleOf(statement, this.#names.macros);
      const certain = signal === 'traces' && header.mode === 'enforce' ? await certainPart({ analysis: this.#analysis, bench, source, statement, tables, keys, macros: this.#names.macros, reads }) : null;
      const whole: CompiledPolicy = { name, signal, mode: header.mode, source: text, sql, ...shape, quickSqls: quick, namesOnlySampleOf: only, ...(header.headMinimum === null ? {} : { headMinimum: header.headMinimum }), views: withTraceOfRecords(viewReads(tables, reads), sides), stars, sides, history, warnings };
      const policy = certain === null ? whole : { ...whole, certain: partOf(whole, certain, viewReads(tables, certain.reads)) };
      return { policy, source, statement, keys, findings };
    } catch (error) {
      throw error instanceof PolicyError ? error : bindingError(source, statement, tables, keys, error);
    } finally {
      bench.close();
    }
  }
}

/** A policy that compiled, and what was found out on the way. */
export interface Examined {
  readonly policy: CompiledPolicy;
  readonly source: PolicySource;
  /** The syntax tree that `policy.sql` was printed from. */
  readonly statement: Node;
  readonly keys: readonly KeyRead[];
  /** What the lints say; warnings about the header are in `policy.warnings` alone. */
  readonly findings: readonly Finding[];
}

/** A part of a policy as a policy, which reads views of the window alone. */
function partOf({ name, signal, mode, source }: CompiledPolicy, { sql, wrappedSql, keyKind, hasSplit }: CertainPart, views: readonly ViewReads[]): CompiledPolicy {
  return { name, signal, mode, source, sql, wrappedSql, keyKind, hasSplit, views, namesOnlySampleOf: null, stars: [], sides: [], history: null, warnings: [] };
}

interface Binding {
  readonly source: PolicySource;
  readonly tables: readonly TableShape[];
  readonly keys: readonly KeyRead[];
  readonly sql: string;
  readonly reading: Reading;
}

function callsAny(statement: Node, names: ReadonlySet<string>): boolean {
  return findNode(statement, (node) => names.has(textOf(node['function_name']).toLowerCase())) !== undefined;
}

/** Binds the SELECT to tables with everything. Throws PolicyError `shape`, or what DuckDB says. */
async function bind(bench: Bench, { source, tables, keys, sql, reading }: Binding): Promise<Shape> {
  await bench.createTables(tables, (table) => allReads(table, keys));
  return shapeOf(source, sql, await bench.columnsOf(sql), reading);
}

function viewReads(tables: readonly TableShape[], reads: Reads): readonly ViewReads[] {
  return tables.flatMap(({ name, kind, columns }) => {
    const read = reads.get(name);
    if (kind !== 'view' || read === undefined || !isViewName(name)) return [];
    return [{ view: name, columns: columns.filter((column) => read.columns.has(column)), keys: read.keys }];
  });
}

function isViewName(name: string): name is ViewReads['view'] {
  return ['traces', 'spans', 'span_events', 'span_links', 'logs'].includes(name);
}

function sideReads(reads: Reads): readonly SideReads[] {
  return catalogSideViews.flatMap(({ name, columns }) => {
    const read = reads.get(name);
    return read === undefined ? [] : [{ side: name, columns: columns.map((column) => column.name).filter((column) => read.columns.has(column)) }];
  });
}

/** Records that are capped at the p of their trace (sampling.md, rule 9) bring its id, whatever the policy itself reads. */
function withTraceOfRecords(views: readonly ViewReads[], sides: readonly SideReads[]): readonly ViewReads[] {
  if (!sides.some(({ side }) => side === 'kept_traces')) return views;
  const logs = views.find(({ view }) => view === 'logs') ?? { view: 'logs', columns: [], keys: [] };
  return [...views.filter((reads) => reads !== logs), { ...logs, columns: [...new Set([...logs.columns, 'trace_id'])] }];
}

function starReads(tables: readonly TableShape[], reads: Reads, keys: ReturnType<typeof starKeys>): readonly StarReads[] {
  return catalogStars.flatMap(({ name }) => {
    const read = reads.get(name);
    const table = tables.find((candidate) => candidate.name === name);
    if (read === undefined || table === undefined) return [];
    return [{ star: name, keys: keys.get(name) ?? 'all', columns: table.columns.filter((column) => read.columns.has(column)) }];
  });
}
