import type { CheckedFile, CheckedSet } from '../../policy/check/check-set.ts';
import type { Projection } from '../../policy/check/projection.ts';
import type { CompiledPolicy } from '../../policy/compile/compiled.ts';
import type { Finding, Severity } from '../../policy/compile/finding.ts';

const colours: { readonly [severity in Severity]: string } = { error: '31', warning: '33', note: '36' };

/** Makes text stand out on a terminal. */
type Paint = (text: string, code: string) => string;

function painter(isColoured: boolean): Paint {
  return (text, code) => (isColoured ? `\u001b[${code}m${text}\u001b[0m` : text);
}

/** A file's report: what was found, each with its line and a caret, and what the policy reads. */
export function fileReport({ path, policy, findings, isHeadRule }: CheckedFile, text: string, isColoured: boolean): string {
  const paint = painter(isColoured);
  const head = policy === null ? (isHeadRule === true ? `${paint(path, '1')}: rates of head sampling\n` : '') : `${paint(path, '1')}: ${policy.mode === 'enforce' ? '' : `${policy.mode} `}policy for ${policy.signal}\n${readsText(policy)}`;
  return `${head}${findings.map((one) => findingReport(path, text, one, paint)).join('')}`;
}

function findingReport(path: string, text: string, { code, severity, position, message, hint }: Finding, paint: Paint): string {
  const place = position === null ? path : `${path}:${position.line}:${position.column}`;
  const head = `${paint(place, '1')}: ${paint(severity, colours[severity])}: ${visible(message)} [${code}]`;
  const lines = [head, ...(position === null ? [] : excerpt(text, position.line, position.column, paint)), ...(hint === null ? [] : [`    = ${visible(hint)}`])];
  return `${lines.join('\n')}\n`;
}

/** Longest part of a source line that is shown, characters. */
const excerptMax = 100;

function excerpt(text: string, line: number, column: number, paint: Paint): string[] {
  const characters = [...(text.split('\n')[line - 1] ?? '').replaceAll('\t', ' ')];
  const start = Math.max(0, Math.min(column - 1 - excerptMax / 2, characters.length - excerptMax));
  const shown = visible(characters.slice(start, start + excerptMax).join('').trimEnd());
  if (shown.trim() === '') return [];
  return [`    | ${shown}`, `    | ${' '.repeat(column - 1 - start)}${paint('^', '32')}`];
}

/** Control characters of a policy's text must not reach the terminal. */
function visible(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, ' ');
}

function readsText({ views, stars, sides, certain }: CompiledPolicy): string {
  const ofViews = views.map(({ view, columns, keys }) => [view, [...columns, ...keys.map(({ source, key, type }) => `${source}['${key}'] ${type}`)]] as const);
  const ofStars = stars.map(({ star, keys, columns }) => [star, [...columns, ...(keys === 'all' ? ['every key'] : [`keys ${keys.join(', ')}`])]] as const);
  const ofSides = sides.map(({ side, columns }) => [side, columns] as const);
  const atOnce = certain === undefined ? '' : `    can decide at once: ${visible(certain.sql)}\n`;
  return `${[...ofViews, ...ofStars, ...ofSides].map(([table, parts]) => `    reads ${table}: ${parts.map(visible).join(', ')}\n`).join('')}${atOnce}`;
}

/** What all files come to together. */
export function setReport(files: readonly CheckedFile[], { findings, projections }: CheckedSet, isColoured: boolean): string {
  const paint = painter(isColoured);
  const all = [...files.flatMap((file) => file.findings), ...findings];
  const counts = (['error', 'warning', 'note'] as const).map((severity) => counted(all.filter((one) => one.severity === severity).length, severity));
  const own = findings.map(({ severity, message, hint, code }) => `${paint(severity, colours[severity])}: ${message} [${code}]${hint === null ? '' : `\n    = ${hint}`}\n`).join('');
  return `${own}${projections.map(projectionText).join('')}${counted(files.length, 'file')}: ${counts.join(', ')}\n`;
}

function projectionText({ signal, columns, bytesPerRow, tables }: Projection): string {
  const row = signal === 'traces' ? 'span' : 'log record';
  return `projected of every ${row}: ${columns} columns, ${bytesPerRow} bytes${tables.length === 0 ? '' : `; rows of ${tables.join(', ')}`}\n`;
}

function counted(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`;
}
