import { shownNumber } from './check-kept.ts';
import type { CaseResult } from './run-case.ts';

/** What came of a test file: its cases, or why it could not run. */
export interface FileResult {
  readonly path: string;
  readonly cases: readonly CaseResult[];
  readonly error: string | null;
}

export interface Totals {
  readonly passed: number;
  readonly failed: number;
}

export function totalsOf(results: readonly FileResult[]): Totals {
  const cases = results.flatMap((result) => result.cases);
  const passed = cases.filter(({ failures }) => failures.length === 0).length;
  return { passed, failed: cases.length - passed + results.filter(({ error }) => error !== null).length };
}

/** One file's part of the listing. */
export function fileText({ path, cases, error }: FileResult): string {
  const lines = [path, ...cases.flatMap(caseLines), ...(error === null ? [] : ['  FAIL cannot run', ...indented(error, 7)])];
  return `${lines.join('\n')}\n`;
}

function caseLines({ name, failures, estimates, elapsedMs }: CaseResult): string[] {
  const head = `  ${failures.length === 0 ? 'ok  ' : 'FAIL'} ${name}  (${elapsedMs < 1000 ? `${Math.round(elapsedMs)} ms` : `${(elapsedMs / 1000).toFixed(1)} s`})`;
  const details = failures.flatMap(({ path, expected, got }) => [`       ${path}`, ...indented(`- ${expected}`, 9), ...indented(`+ ${got}`, 9)]);
  const worst = [...estimates].sort((a, b) => Math.abs(b.z) - Math.abs(a.z))[0];
  const seeds = worst === undefined || failures.length > 0 ? [] : [`       unbiased over ${worst.seeds} seeds: ${estimates.length} estimate${estimates.length === 1 ? '' : 's'}, worst z ${shownNumber(worst.z)} (${worst.key})`];
  return [head, ...details, ...seeds];
}

function indented(text: string, by: number): string[] {
  return text.split('\n').map((line) => ' '.repeat(by) + line);
}

export function totalsText({ passed, failed }: Totals): string {
  return failed === 0 ? `${passed} passed\n` : `${failed} failed, ${passed} passed\n`;
}

/** Everything as one JSON document. */
export function jsonReport(results: readonly FileResult[]): string {
  return `${JSON.stringify({ ...totalsOf(results), files: results }, null, 2)}\n`;
}

/** The format of JUnit, which CI systems read. */
export function junitReport(results: readonly FileResult[]): string {
  const suites = results.map(({ path, cases, error }) => {
    const all = error === null ? cases : [...cases, { name: 'the file runs', failures: [{ path: '', expected: 'a file that runs', got: error }], estimates: [], elapsedMs: 0 }];
    const failed = all.filter(({ failures }) => failures.length > 0).length;
    const body = all.map(({ name, failures, elapsedMs }) => {
      const inner = failures.map((failure) => `<failure message="${xml(failure.path)}">expected ${xml(failure.expected)}, got ${xml(failure.got)}</failure>`).join('');
      return `    <testcase name="${xml(name)}" classname="${xml(path)}" time="${(elapsedMs / 1000).toFixed(3)}">${inner}</testcase>`;
    });
    return `  <testsuite name="${xml(path)}" tests="${all.length}" failures="${failed}">\n${body.join('\n')}\n  </testsuite>`;
  });
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n${suites.join('\n')}\n</testsuites>\n`;
}

function xml(text: string): string {
  return text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, ' ').replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

/** Test Anything Protocol, version 14. */
export function tapReport(results: readonly FileResult[]): string {
  const lines: string[] = [];
  for (const { path, cases, error } of results) {
    for (const { name, failures } of cases) {
      lines.push(`${failures.length === 0 ? 'ok' : 'not ok'} ${lines.filter((line) => /^(not )?ok /.test(line)).length + 1} - ${path}: ${name}`);
      for (const failure of failures) lines.push(`# ${failure.path}: expected ${failure.expected}, got ${failure.got.replaceAll('\n', ' ')}`);
    }
    if (error !== null) lines.push(`not ok ${lines.filter((line) => /^(not )?ok /.test(line)).length + 1} - ${path}`, ...error.split('\n').map((line) => `# ${line}`));
  }
  const count = lines.filter((line) => /^(not )?ok /.test(line)).length;
  return `TAP version 14\n1..${count}\n${lines.join('\n')}\n`;
}
