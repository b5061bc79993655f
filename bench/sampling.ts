import { readFile } from 'node:fs/promises';
import { realSeam } from '../src/base/seam.ts';
import { PolicyCompiler } from '../src/policy/compile/compiler.ts';
import { PolicyRunner } from '../src/policy/window-policies.ts';
import { sqlFunctionFiles } from '../src/sampling/sql-functions.ts';
import { Database, type Session } from '../src/store/duckdb.ts';
import { median } from './meter.ts';

/** One policy over a window: milliseconds of CPU, all threads, medians. */
export interface SamplingCost {
  readonly name: string;
  readonly named: number;
  readonly cpuMs: number;
  readonly leastMs: number;
}

export const sampledTraces = 1_000_000;
export const sampledGroups = 1_000;

const inGroups = (call: string): string => `SELECT unnest(${call}, recursive := true) FROM traces GROUP BY root_service`;

/** The first two are held to numbers: 250 ms for a reservoir, 100 ms for a rule. */
const policies: readonly (readonly [name: string, sql: string])[] = [
  ['weighted_reservoir_sample(item, adjusted_count, 100)', inGroups('weighted_reservoir_sample(item, adjusted_count, 100)')],
  ['probability 1 where failed or slow', 'SELECT trace_id, 1.0 AS probability FROM traces WHERE has_error OR duration > INTERVAL 2 SECONDS'],
  ['probability 0.1 of all', 'SELECT trace_id, 0.1 AS probability FROM traces'],
  ['bottom_k(item, 100)', inGroups('bottom_k(item, 100)')],
  ['weighted_reservoir_sample by adjusted_count * span_count', inGroups('weighted_reservoir_sample(item, adjusted_count * span_count, 100)')],
  ['weighted_reservoir_sample_exp(item, adjusted_count, 100)', inGroups('weighted_reservoir_sample_exp(item, adjusted_count, 100)')],
  ['the same, as a list of each group', 'SELECT root_service, weighted_reservoir_sample_exp(item, adjusted_count, 100) FROM traces GROUP BY root_service'],
  ['budget_sample(item, span_count, 1500)', inGroups('budget_sample(item, span_count, 1500)')],
  ['weighted_budget_sample by adjusted_count * span_count, 1500', inGroups('weighted_budget_sample(item, adjusted_count * span_count, span_count, 1500)')],
  ['bottom_k_p(item, 100, root_service), every row', 'SELECT trace_id, bottom_k_p(item, 100, root_service) AS probability FROM traces'],
  ['weighted_reservoir_sample_p by span_count, every row', 'SELECT trace_id, weighted_reservoir_sample_p(item, adjusted_count * span_count, 100, root_service) AS probability FROM traces'],
  ['budget_sample_p(item, span_count, 1500, root_service), every row', 'SELECT trace_id, budget_sample_p(item, span_count, 1500, root_service) AS probability FROM traces'],
  ['bottom_k out of a CTE with a WHERE', `WITH slow AS (SELECT * FROM traces WHERE duration > INTERVAL 1 SECOND) ${inGroups('bottom_k(item, 100)').replace('FROM traces', 'FROM slow')}`],
];

/** A million traces in a thousand groups on one thread of DuckDB, decided as the processor does it: compiled policy, views, picks read. */
export async function samplingCosts(rounds: number): Promise<readonly SamplingCost[]> {
  const macros = await Promise.all(sqlFunctionFiles().map(({ path }) => readFile(path, 'utf8')));
  const database = await Database.open({ memoryLimitBytes: 3 * 2 ** 30, threads: 1 }, macros);
  const session = await database.connect();
  await makeTraces(session);
  const runner = new PolicyRunner(() => database.connect(), { deadlineMs: 60_000, rowsMax: 2 * sampledTraces }, realSeam());
  const compiler = await PolicyCompiler.create(sqlFunctionFiles());
  const costs: SamplingCost[] = [];
  for (const [name, sql] of policies) costs.push(await costOf(compiler, runner, name, sql, rounds));
  compiler.close();
  runner.close();
  session.close();
  database.close();
  return costs;
}

/** As `tracesSql` makes them of spans. */
async function makeTraces(session: Session): Promise<void> {
  await session.run(`CREATE TABLE bench_traces AS
    SELECT (uuid()) AS trace_id, (hash(i) >> 8)::UBIGINT AS r, 72057594037927936::UBIGINT AS n_in, 1::BIGINT AS evidence_rows,
           'service-' || (hash(i * 7) % ${sampledGroups}) AS root_service, hash(i * 3) % 100 = 0 AS has_error,
           to_microseconds((hash(i * 5) % 3000000)::BIGINT) AS duration, (1 + hash(i * 11) % 30)::BIGINT AS span_count
    FROM range(${sampledTraces}) t(i)`);
}

async function costOf(compiler: PolicyCompiler, runner: PolicyRunner, name: string, sql: string, rounds: number): Promise<SamplingCost> {
  const policy = await compiler.compile(name, sql);
  const times: number[] = [];
  let named = 0;
  for (let round = 0; round <= rounds; round++) {
    const before = process.cpuUsage();
    const { picks, error } = await runner.run(policy, { signal: 'traces', slots: [] }, 'bench_traces');
    const { user, system } = process.cpuUsage(before);
    if (picks === null) throw error;
    named = picks.count;
    if (round > 0) times.push((user + system) / 1000);
  }
  return { name, named, cpuMs: median(times), leastMs: Math.min(...times) };
}

export function samplingTable(costs: readonly SamplingCost[]): string {
  return [
    `Policies over ${sampledTraces.toLocaleString('en-US')} traces in ${sampledGroups.toLocaleString('en-US')} groups, one thread, milliseconds of CPU:`, '',
    '| policy | items named | median | least |', '|---|---:|---:|---:|',
    ...costs.map(({ name, named, cpuMs, leastMs }) => `| ${name} | ${named.toLocaleString('en-US')} | ${cpuMs.toFixed(0)} | ${leastMs.toFixed(0)} |`),
  ].join('\n');
}
