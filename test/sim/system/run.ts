// npm run sim [-- --seeds N] [-- --from N] [-- --seed N]: runs of the whole system with faults by seed, 100 by default. Ends with 1 on any violation.
import { parseArgs } from 'node:util';
import { realSeam } from '../../../src/base/seam.ts';
import { ProgressBar } from '../../../src/commands/progress-bar.ts';
import { violationsOf } from './checks.ts';
import { Estimates } from './estimates.ts';
import { Simulation } from './simulate.ts';

const shownMax = 10;
const zMax = 4;

const { values } = parseArgs({ options: { 'seeds': { type: 'string', default: '100' }, 'from': { type: 'string', default: '1' }, 'seed': { type: 'string' }, 'max-seconds': { type: 'string', default: 'Infinity' } } });
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

for (let seed = from; seed < from + seeds && performance.now() - startMs < limitMs; seed++) {
  const run = await new Simulation(seed).run();
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
    say(`seed ${seed}: ${violations.length} violations; again: npm run sim -- --seed ${seed}`);
    for (const violation of violations.slice(0, shownMax)) say(`  ${violation}`);
  }
  if (values.seed !== undefined) say(JSON.stringify(run.scenario));
  bar.update(done.runs / seeds);
}
bar.end();

for (const signal of ['traces', 'logs'] as const) {
  const { z, ratio } = estimates.of(signal);
  say(`${signal}: estimate over truth ${ratio.toFixed(4)}, z ${z.toFixed(2)}`);
  if (Math.abs(z) < zMax) continue;
  done.violations++;
  say(`the estimates of ${signal} are biased: npm run sim -- --from ${from} --seeds ${done.runs}`);
}
say(`faults injected: ${Object.entries(faults).map(([name, count]) => `${name} ${count}`).join(', ')}`);
say(`${done.runs} runs of ${seeds}, ${done.processes} processes, ${done.windows} windows, ${done.items} items, ${done.refused} batches refused, ${done.fallbacks} windows by the fallback since the store failed, ${Object.values(faults).reduce((sum, count) => sum + count, 0)} faults injected, ${done.violations} violations`);
process.exitCode = done.violations > 0 ? 1 : 0;
