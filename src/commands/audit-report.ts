import type { Finding } from '../audit/findings.ts';
import { interval95, zScore } from '../audit/interval.ts';
import type { ServiceState } from '../audit/service-state.ts';
import type { PairedService } from '../audit/stream-pair.ts';

/** What an audit found, and what it looked at. */
export interface AuditResult {
  readonly files: readonly string[];
  readonly level: number;
  readonly findings: readonly Finding[];
  readonly audited: readonly {
    readonly signal: 'traces' | 'logs';
    readonly items: number;
    readonly services: readonly ServiceState[];
    readonly duplicatesShare: number;
  }[];
  readonly pairs: readonly { readonly signal: 'traces' | 'logs'; readonly services: readonly PairedService[] }[];
}

/** Services of a table; the rest is only counted. */
const rowsMax = 40;

export function auditText(result: AuditResult): string {
  const faults = result.findings.filter(({ severity }) => severity === 'fault');
  const notes = result.findings.filter(({ severity }) => severity === 'note');
  const lines = [
    ...result.audited.flatMap(streamLines),
    ...result.pairs.flatMap(({ signal, services }) => pairLines(signal, services)),
    '',
    ...(faults.length === 0 ? [`nothing wrong was found (chance of a false alarm: ${result.level})`] : []),
    ...faults.flatMap((finding) => ['', ...findingLines(finding)]),
    ...notes.flatMap((finding) => ['', ...findingLines(finding)]),
    ...(faults.length === 0 ? [] : ['', `${faults.length} finding${faults.length === 1 ? '' : 's'} in ${new Set(faults.map(({ service }) => service)).size} service(s)`]),
  ];
  return `${lines.join('\n')}\n`;
}

/** The same as one JSON document. Infinite z are null. */
export function auditJson({ files, level, findings, audited, pairs }: AuditResult): string {
  const document = {
    files, level, findings,
    audited: audited.map(({ signal, items, duplicatesShare, services }) => ({
      signal, items, duplicates_share: duplicatesShare,
      services: services.map(({ name, items: own, units, withThreshold, onlyCounted, silent, randomFlagged }) => (
        { name, items: own, units, with_threshold: withThreshold, only_counted: onlyCounted, silent, random_flag: randomFlagged })),
    })),
    pairs: pairs.map(({ signal, services }) => ({
      signal,
      services: services.map((service) => {
        const [low, high] = interval95(service);
        const { name, itemsBefore, itemsAfter, truth, estimate, variance, unitsKept, uncounted } = service;
        return { name, items_before: itemsBefore, items_after: itemsAfter, truth, estimate, variance, low, high, z: zScore(service), units_kept: unitsKept, uncounted };
      }),
    })),
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

function streamLines({ signal, items, services, duplicatesShare }: AuditResult['audited'][number]): string[] {
  const shown = [...services].sort((a, b) => b.items - a.items).slice(0, rowsMax);
  return [
    `${signal}: ${items} items of ${services.length} service(s); units are traces, or records of one randomness`,
    ...table([
      ['service', 'items', 'units', 'threshold', 'count only', 'nothing', 'random flag', 'R'],
      ...shown.map((service) => [
        service.name, String(service.items), String(service.units), String(service.withThreshold), String(service.onlyCounted), String(service.silent),
        share(service.randomFlagged, service.units), sparkline(mainBins(service), 16)]),
    ]),
    ...(services.length > shown.length ? [`  and ${services.length - shown.length} more`] : []),
    ...(duplicatesShare < 1 ? [`  duplicates were looked for among ${(100 * duplicatesShare).toPrecision(2)} % of the spans`] : []),
  ];
}

function mainBins({ claimed, unclaimed }: ServiceState): Uint32Array {
  return claimed.count >= unclaimed.count ? claimed.bins : unclaimed.bins;
}

function pairLines(signal: string, services: readonly PairedService[]): string[] {
  return [
    `${signal}: what left against what came`,
    ...table([
      ['service', 'came', 'left', 'truth', 'estimate', '95 % interval', 'z'],
      ...services.slice(0, rowsMax).map((service) => {
        const [low, high] = interval95(service);
        return [service.name, String(service.itemsBefore), String(service.itemsAfter), service.truth.toFixed(0), service.estimate.toFixed(0), `${low.toFixed(0)} to ${high.toFixed(0)}`, zScore(service).toFixed(2)];
      }),
    ]),
    ...(services.length > rowsMax ? [`  and ${services.length - rowsMax} more`] : []),
  ];
}

function findingLines({ service, kind, severity, what, affected, of, unit, example, pValue, cause, histogram }: Finding): string[] {
  const chance = pValue === null ? '' : `, p ${pValue < 1e-300 ? '< 1e-300' : pValue.toPrecision(2)}`;
  return [
    `${severity === 'fault' ? 'FAULT' : 'note '} ${service}: ${affected} of ${of} ${unit} ${what} [${kind}${chance}]`,
    ...(example === null ? [] : [`      for example ${example}`]),
    `      probably ${cause}`,
    ...(histogram === null ? [] : [`      0 |${sparkline(histogram, 32)}| 1`]),
  ];
}

const levels = ' ▁▂▃▄▅▆▇█';

/** Counts as a line of `width` cells; the fullest is a whole block. */
export function sparkline(bins: ArrayLike<number>, width: number): string {
  const cells = Array.from({ length: width }, (_, cell) => {
    let sum = 0;
    for (let i = Math.floor((cell * bins.length) / width); i < ((cell + 1) * bins.length) / width; i++) sum += bins[i];
    return sum;
  });
  const most = Math.max(1, ...cells);
  return cells.map((count) => levels[Math.ceil((count / most) * (levels.length - 1))]).join('');
}

function share(part: number, all: number): string {
  return all === 0 ? '' : `${((100 * part) / all).toFixed(0)} %`;
}

/** Names to the left, numbers to the right. */
function table(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0].map((_, column) => Math.min(48, Math.max(...rows.map((row) => row[column].length))));
  return rows.map((row) => `  ${row.map((cell, column) => (column === 0 ? cell.slice(0, 48).padEnd(widths[column]) : cell.padStart(widths[column]))).join('  ')}`.trimEnd());
}
