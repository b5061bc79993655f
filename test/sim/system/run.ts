// npm run sim [-- --seeds N] [--from N] [--seed N] [--every-write]: runs of the whole system with faults by seed, 100 by default. Ends with 1 on any violation.
// With --every-write: one seed, made small, once for each operation of the disk that its process may die at.
import { parseArgs } from 'node:util';
import { realSeam } from '../../../src/base/seam.ts';
import { ProgressBar } from '../../../src/commands/progress-bar.ts';
import { violationsOf } from './checks.ts';
import { Estimates } from './estimates.ts';
import { crashesAtEveryOperation } from './every-write.ts';
import { type RunRecord, Simulation } from './simulate.ts';

const shownMax = 10;
const zMax = 4;

const { values } = parseArgs({ options: { 'seeds': { type: 'string', default: '100' }, 'from': { type: 'string', default: '1' }, 'seed': { type: 'string' }, 'max-seconds': { type: 'string', default: 'Infinity' }, 'every-write': { type: 'boolean', default: false } } });
const from = whole(values.seed ?? values.from);
const seeds = values.seed === undefined ? whole(values.seeds) : 1;
const limitMs = Number(values['max-seconds']) * 1000;

function whole(text: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < 0) {
    process.stderr.write(`${text} is not a whole number\n`);
    process.exit(2);
  }
  return number;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

const bar = new ProgressBar(process.stderr, realSeam());
const estimates = new Estimates();
const faults: { [name: string]: number } = {};
const done = { runs: 0, processes: 0, windows: 0, items: 0, refused: 0, fallbacks: 0, violations: 0 };
const startMs = performance.now();

interface NamedRun {
  readonly name: string;
  readonly again: string;
  readonly run: RunRecord;
}

async function* allRuns(): AsyncGenerator<NamedRun, void, undefined> {
  if (values['every-write']) {
    for await (const { afterOperations, by, run } of crashesAtEveryOperation(from)) yield { name: `seed ${from}, ${by} at operation ${afterOperations} of the disk`, again: `--seed ${from} --every-write`, run };
    return;
  }
  for (let seed = from; seed < from + seeds; seed++) yield { name: `seed ${seed}`, again: `--seed ${seed}`, run: await new Simulation(seed).run() };
}

for await (const { name, again, run } of allRuns()) {
  estimates.add(run);
  const violations = violationsOf(run);
  done.runs++;
  done.processes += run.processes;
  done.windows += run.windows;
  done.items += run.ledger.items.size;
  for (const [status, count] of run.ledger.answers) done.refused += status === 'OK' ? 0 : count;
  done.fallbacks += run.engineErrors;
  done.violations += violations.length;
  for (const [name, count] of Object.entries(run.faults)) faults[name] = (faults[name] ?? 0) + count;
  if (violations.length > 0) {
    bar.end();
    say(`${name}: ${violations.length} violations; again: npm run sim -- ${again}`);
    for (const violation of violations.slice(0, shownMax)) say(`  ${violation}`);
  }
  if (values.seed !== undefined && !values['every-write']) say(JSON.stringify(run.scenario));
  if (!values['every-write']) bar.update(done.runs / seeds);
  if (performance.now() - startMs >= limitMs) break;
}
bar.end();

for (const signal of ['traces', 'logs'] as const) {
  const { z, ratio } = estimates.of(signal);
  say(`${signal}: estimate over truth ${ratio.toFixed(4)}, z ${z.toFixed(2)}`);
  // A few runs, or those of one seed, say little.
  if (Math.abs(z) < zMax || values['every-write'] || done.runs < 30) continue;
  done.violations++;
  say(`the estimates of ${signal} are biased: npm run sim -- --from ${from} --seeds ${done.runs}`);
}
say(`faults injected: ${Object.entries(faults).map(([name, count]) => `${name} ${count}`).join(', ')}`);
say(`${done.runs} runs${values['every-write'] ? '' : ` of ${seeds}`}, ${done.processes} processes, ${done.windows} windows, ${done.items} items, ${done.refused} batches refused, ${done.fallbacks} windows by the fallback since the store failed, ${Object.values(faults).reduce((sum, count) => sum + count, 0)} faults injected, ${done.violations} violations`);
process.exitCode = done.violations > 0 ? 1 : 0;
