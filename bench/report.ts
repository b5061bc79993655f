import type { HeldPerItem } from './held.ts';
import type { PathResult, ReadersResult } from './measured.ts';
import { median } from './meter.ts';
import { phaseShares, phases } from './phases.ts';
import type { Stack } from './profile.ts';
import { hottest } from './top.ts';

/** Everything measured at one batch size; null where it was not asked for. */
export interface SizeResults {
  readonly batchRows: number;
  readonly replay: PathResult | null;
  readonly live: PathResult | null;
  /** As `live`, of senders that are trusted: `validate: read`. */
  readonly trusted: PathResult | null;
  readonly held: HeldPerItem | null;
  readonly readers: ReadersResult | null;
}

/** Where the time of the main thread went on one path. */
export interface PathProfile {
  readonly path: string;
  readonly batchRows: number;
  readonly stacks: readonly Stack[];
  /** CPU of the main thread and of all threads without profiler, microseconds a span. */
  readonly mainMicros: number;
  readonly collectorMicros: number;
  readonly cpuMicros: number;
}

interface Costs {
  readonly cpu: number;
  readonly least: number;
  readonly most: number;
  readonly main: number;
  readonly collector: number;
  readonly perSecond: number;
}

/** Medians over rounds: CPU of all threads, of the main thread and of V8's, microseconds a span, and spans a second of time. */
export function costs({ rounds }: PathResult): Costs {
  const cpu = rounds.map(({ cost, counts }) => cost.cpuMicros / counts.items);
  return {
    cpu: median(cpu), least: Math.min(...cpu), most: Math.max(...cpu),
    main: median(rounds.map(({ cost, counts }) => cost.mainMicros / counts.items)),
    collector: median(rounds.map(({ cost, counts }) => cost.collectorMicros / counts.items)),
    perSecond: median(rounds.map(({ cost, counts }) => (counts.items / cost.wallMs) * 1000)),
  };
}

/** A Markdown table with right-aligned columns but the first. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, index) => (index === 0 ? '---' : '---:'))), ...rows.map(line)].join('\n');
}

/** The measured paths with their names. */
export function pathsOf({ replay, live, trusted }: Pick<SizeResults, 'replay' | 'live' | 'trusted'>): readonly (readonly [string, PathResult | null])[] {
  return [['replay', replay], ['gRPC', live], ['gRPC, trusted', trusted]];
}

export function costTable(results: readonly SizeResults[]): string {
  const rows = results.flatMap(({ batchRows, ...paths }) => pathsOf(paths).flatMap(([path, result]) => {
    if (result === null) return [];
    const { cpu, least, most, main, collector, perSecond } = costs(result);
    const [{ counts, windowsDue, windowsInTime }] = result.rounds;
    return [[
      path, String(batchRows), cpu.toFixed(2), `${least.toFixed(2)} to ${most.toFixed(2)}`, main.toFixed(2), collector.toFixed(2), thousands(perSecond),
      (result.peakRssBytes / 2 ** 20).toFixed(0), `${((counts.kept / counts.items) * 100).toFixed(1)} %`,
      windowsDue === undefined ? '' : `${windowsInTime} of ${windowsDue}`,
    ]];
  }));
  return table(['path', 'spans a batch', 'CPU us a span', 'over rounds', 'main thread', "V8's threads", 'spans/s', 'peak RSS MiB', 'kept', 'windows in time'], rows);
}

export function heldTable(results: readonly SizeResults[]): string {
  const rows = results.flatMap(({ batchRows, held }) => (held === null ? [] : [[
    String(batchRows), thousands(held.items), held.retained.toFixed(0), held.tables.toFixed(0), (held.retained + held.tables).toFixed(0), held.rss.toFixed(0),
  ]]));
  return table(['spans a batch', 'spans held', 'retained', 'tables', 'both, B a span', 'resident, B a span'], rows);
}

export function readersTable(results: readonly SizeResults[]): string {
  const rows = results.flatMap(({ batchRows, readers }) => (readers === null ? [] : [[
    String(batchRows), readers.own.toFixed(2), readers.arrow.toFixed(2), (readers.arrow / readers.own).toFixed(1),
  ]]));
  return table(['spans a batch', 'Thresher, us a span', 'apache-arrow, us a span', 'times'], rows);
}

/** Microseconds a span by phase, a column for each profile; what other threads did is the last row. */
export function phaseTable(profiles: readonly PathProfile[]): string {
  const shares = profiles.map(({ stacks }) => phaseShares(stacks));
  const rows = phases.map((phase) => [phase, ...profiles.map(({ mainMicros }, index) => ((shares[index].get(phase) ?? 0) * mainMicros).toFixed(2))]);
  const collector = ["V8's threads", ...profiles.map(({ collectorMicros }) => collectorMicros.toFixed(2))];
  const others = ['other threads', ...profiles.map(({ cpuMicros, mainMicros, collectorMicros }) => (cpuMicros - mainMicros - collectorMicros).toFixed(2))];
  const all = ['all', ...profiles.map(({ cpuMicros }) => cpuMicros.toFixed(2))];
  return table(['CPU us a span', ...profiles.map(({ path, batchRows }) => `${path} ${batchRows}`)], [...rows, collector, others, all]);
}

/** The functions with the greatest self time. */
export function topTable({ stacks }: PathProfile, count: number): string {
  return table(['function', 'self', 'with calls'], hottest(stacks, count).map(({ place, self, total }) => [
    `\`${place}\``, `${(self * 100).toFixed(1)} %`, `${(total * 100).toFixed(1)} %`,
  ]));
}

function thousands(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}
