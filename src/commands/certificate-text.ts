import { interval95, zScore } from '../audit/interval.ts';
import { everything } from '../pipeline/certificate.ts';
import { type RandomnessWatch, suspicionText } from '../pipeline/randomness-watch.ts';
import { alarmText, type CertificateSum, type CertificateTally } from '../pipeline/certificate-tally.ts';

/** Services that are shown; all alarms are shown whatever their service. */
const servicesShown = 10;

/** Lines of what the running test of randomness found; empty where nothing is suspect. */
export function suspectsText(watch: RandomnessWatch): string {
  return [...watch.keys].filter(({ isSuspect }) => isSuspect).map((watched) => `  SUSPECT ${suspicionText(watched)}\n`).join('');
}

/** A table of truth against estimate: each policy over all keys, then what leaves by service; alarms below. Empty where nothing was certified. */
export function certificateText(certificates: CertificateTally): string {
  const sums = [...certificates.sums];
  if (sums.length === 0) return '';
  const wholes = sums.filter(({ key }) => key === everything);
  const services = sums.filter(({ policy, key }) => policy === everything && key !== everything).sort((a, b) => b.came - a.came);
  const alarms = sums.filter(({ verdict }) => verdict !== 'fine');
  const rows = [...wholes, ...services.slice(0, servicesShown)].map(rowOf);
  const more = services.length > servicesShown ? [`  and ${services.length - servicesShown} more services`] : [];
  const left = wholes.flatMap(({ policy, came, truth }) => (policy === everything && came > truth * (1 + 1e-9)
    ? [`  left out: items that stood for ${(came - truth).toFixed(0)} of ${came.toFixed(0)}, which no policy names; they are in nobody's count`] : []));
  return ['', ...table([['certificate', 'key', 'truth', 'estimate', '95 % interval', 'z'], ...rows]), ...more, ...left, ...alarms.map((sum) => `  ALARM ${alarmText(sum)}`), ''].join('\n');
}

function rowOf(sum: CertificateSum): string[] {
  const [low, high] = interval95(sum);
  return [sum.policy, sum.key, sum.truth.toFixed(0), sum.estimate.toFixed(0), `${low.toFixed(0)} to ${high.toFixed(0)}`, zScore(sum).toFixed(2)];
}

function table(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows.map((row) => row.map((cell, column) => (column < 2 ? cell.padEnd(widths[column]) : cell.padStart(widths[column]))).join('  ').trimEnd());
}
