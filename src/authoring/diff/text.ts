import { formatBytes } from '../../base/units.ts';
import type { Comparison, ServiceResult, SideResult } from './compare.ts';
import type { Estimate } from './estimate.ts';

const servicesMax = 20;

/** A comparison as text: what each keeps, how far its estimates are off, what both keep, and the services one by one. */
export function comparisonText(comparison: Comparison): string {
  const { signal, incoming, sides, overlap } = comparison;
  const unit = signal === 'traces' ? 'spans' : 'log records';
  const both = (of: (side: SideResult) => string): readonly string[] => sides.map(of);
  const rows: (readonly string[])[] = [
    ['', `A: ${sides[0].name}`, `B: ${sides[1].name}`],
    ...(incoming.traces === 0 ? [] : [['traces kept', ...both((side) => shareText(side.traces, incoming.traces))]]),
    ...(signal === 'traces' ? [['traces dropped', ...both((side) => shareText(incoming.traces - side.traces, incoming.traces))]] : []),
    [`${unit} kept`, ...both((side) => shareText(side.total.items, incoming.items))],
    ['', ...both((side) => bar(side.total.items / Math.max(1, incoming.items)))],
    ['bytes', ...both((side) => `${formatBytes(side.bytes)} of ${formatBytes(incoming.bytes)}`)],
    [`${unit}, estimated`, ...both((side) => estimateText(side.total.estimate, incoming.truth))],
  ];
  const units = signal === 'traces' ? 'traces' : 'log records';
  const all = Math.max(1, overlap.both + overlap.onlyFirst + overlap.onlySecond);
  const overlaps = ([['both', overlap.both], ['A alone', overlap.onlyFirst], ['B alone', overlap.onlySecond]] as const)
    .map(([who, count]) => [`${units} kept by ${who}`, String(count), bar(count / all)]);
  const unknown = incoming.unknown === 0 ? '' : ` Nobody knows the probability of ${incoming.unknown} more; they are in no estimate.`;
  const errors = sides.flatMap(({ name, error }) => (error === null ? [] : [`${name}: ${error}\n`]));
  return `${incoming.items} ${unit}${incoming.traces === 0 ? '' : ` of ${incoming.traces} traces`} came, standing for ${number(incoming.truth)}.${unknown}\n\n${table(rows)}\n${table(overlaps)}\n${servicesText(comparison, unit)}${errors.join('')}`;
}

function servicesText({ services }: Comparison, unit: string): string {
  const rows = services.slice(0, servicesMax).map((service) => [service.service === '' ? '(no service)' : service.service, number(service.truth), ...sideCells(service, 0), ...sideCells(service, 1)]);
  const rest = services.length > servicesMax ? `and ${services.length - servicesMax} more services\n` : '';
  return `${table([['service', `true ${unit}`, 'A kept', 'A estimate', 'B kept', 'B estimate'], ...rows])}${rest}`;
}

function sideCells({ items, truth, sides }: ServiceResult, side: 0 | 1): readonly string[] {
  const { items: kept, estimate } = sides[side];
  return [`${kept} ${bar(kept / Math.max(1, items), 10)}`, estimateText(estimate, truth)];
}

/** `1043 +4.3 % (+-6.1 %)`: the value, its error, and half of its 95 % interval. */
function estimateText({ value, halfWidth }: Estimate, truth: number): string {
  if (truth === 0) return number(value);
  const error = (100 * (value - truth)) / truth;
  return `${number(value)} ${error >= 0 ? '+' : ''}${error.toFixed(1)} % (+-${((100 * halfWidth) / truth).toFixed(1)} %)`;
}

function shareText(part: number, whole: number): string {
  return `${part} (${whole === 0 ? '0.0' : ((100 * part) / whole).toFixed(1)} %)`;
}

function bar(share: number, width = 20): string {
  const filled = Math.round(Math.min(1, Math.max(0, share)) * width);
  return `${'#'.repeat(filled)}${'.'.repeat(width - filled)}`;
}

function number(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toFixed(1);
}

/** Columns side by side, two spaces apart. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = rows.reduce<number[]>((so, row) => row.map((cell, column) => Math.max(so[column] ?? 0, cell.length)), []);
  return rows.map((row) => `${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ').trimEnd()}\n`).join('');
}
