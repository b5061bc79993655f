import { formatBytes } from '../base/units.ts';
import type { SignalTally, TallyObserver } from '../pipeline/tally.ts';
import { certificateText, suspectsText } from './certificate-text.ts';

export interface ReplayResult {
  readonly observer: TallyObserver;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly seconds: number;
}

/** What a replay did, as lines of `name  value`. */
export function replaySummary({ observer, bytesIn, bytesOut, seconds }: ReplayResult): string {
  const { traces, logs } = observer.bySignal;
  const isTraces = traces.items > 0;
  const tally = isTraces ? traces : logs;
  const unit = isTraces ? 'spans' : tally.items > 0 ? 'log records' : 'metrics';
  const items = tally.items > 0 ? tally.items : observer.metricsPassed;
  const rows: (readonly [string, string])[] = [
    ['windows', String(tally.windows)],
    [`${unit} in`, String(items)],
    ...(tally.items > 0 ? sampledRows(tally, unit) : []),
    ['bytes in', `${bytesIn} (${formatBytes(bytesIn)})`],
    ['bytes out', `${bytesOut} (${formatBytes(bytesOut)})`],
    ['time', `${seconds.toFixed(2)} s, ${Math.round(items / Math.max(seconds, 1e-9))} ${unit}/s`],
  ];
  return `${rows.map(([name, value]) => `${name.padEnd(18)} ${value}`).join('\n')}\n${certificateText(observer.certificates)}${suspectsText(observer.randomness)}`;
}

function sampledRows(tally: SignalTally, unit: string): (readonly [string, string])[] {
  const share = (part: number): string => (tally.items === 0 ? '' : ` (${((100 * part) / tally.items).toFixed(2)} %)`);
  const error = tally.truth === 0 ? '' : `, ${signed((100 * (tally.estimate - tally.truth)) / tally.truth)} %`;
  return [
    ['kept', `${tally.kept}${share(tally.kept)}`],
    ['dropped', String(tally.items - tally.kept)],
    ['true count', tally.truth.toFixed(1)],
    ['estimated count', `${tally.estimate.toFixed(1)}${error}`],
    ...ifSome('late, kept', tally.lateKept),
    ...ifSome('late, dropped', tally.lateDropped),
    ...ifSome('contradicted', tally.contradicted, `${unit} kept whose threshold contradicted their randomness`),
    ...ifSome('unknown', tally.unknown, `${unit} kept whose probability nobody knows`),
    ...ifSome('policy failures', tally.policyFailures, 'windows that went by the fallback'),
    ...ifSome('unreadable', tally.unreadable, `${unit} kept but lost`),
  ];
}

function ifSome(name: string, count: number, text = ''): (readonly [string, string])[] {
  return count === 0 ? [] : [[name, text === '' ? String(count) : `${count} ${text}`]];
}

function signed(value: number): string {
  return `${value >= 0 ? '+' : ''}${value.toFixed(3)}`;
}
