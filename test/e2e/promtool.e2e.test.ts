import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { packageFile } from '../../src/base/package-paths.ts';
import { alertRules } from '../../src/telemetry/operations/alert-rules.ts';
import { grafanaDashboard } from '../../src/telemetry/operations/dashboard.ts';

/*
 * Scenario: Prometheus' own promtool reads the rules, and evaluates them on series that it is given.
 * Guarantees: the rules load, fire on what they are for and on nothing beside it, and every expression of the dashboard is PromQL.
 * It runs where promtool is (Debian: package prometheus); elsewhere test/unit/telemetry/operations.test.ts checks the names alone.
 */
const withoutPromtool = spawnSync('promtool', ['--version']).error !== undefined;
const work = mkdtempSync(join(tmpdir(), 'thresher-promtool-'));
afterAll(() => rmSync(work, { recursive: true, force: true }));

function promtool(...args: readonly string[]): { readonly status: number | null; readonly said: string } {
  const { status, stdout, stderr } = spawnSync('promtool', args, { encoding: 'utf8' });
  return { status, said: `${stdout}${stderr}` };
}

const cases = packageFile('test/support/promtool/alerts.test.yaml');

describe.skipIf(withoutPromtool)('promtool', () => {
  test('loads the rules, and finds that they fire when they should', () => {
    expect(promtool('check', 'rules', packageFile('config/deploy/prometheus/alerts.yaml'))).toMatchObject({ status: 0 });
    expect(promtool('test', 'rules', cases)).toMatchObject({ status: 0 });
  });

  test.each([
    ['increase alone', / or \(thresher_items_lost_total unless thresher_items_lost_total offset 10m\) > 0/, ''],
    ['no alarm needed', / and on \(job, instance, signal, policy\) thresher_certificate_alarms_total > 0/, ''],
    ['z above alone', /abs\(thresher_certificate_z\)/, 'thresher_certificate_z'],
    ['another bound', /thresher_window_lag_seconds > 30/, 'thresher_window_lag_seconds > 20'],
  ])('would find wrong rules: %s', (_, right, wrong) => {
    const rules = alertRules();
    expect(rules).toMatch(right);
    const folder = mkdtempSync(join(work, 'wrong-'));
    writeFileSync(join(folder, 'alerts.yaml'), rules.replace(right, wrong));
    const test = spawnSync('sed', [`s|rule_files:.*|rule_files: [${join(folder, 'alerts.yaml')}]|`, cases], { encoding: 'utf8' }).stdout;
    writeFileSync(join(folder, 'test.yaml'), test);
    expect(promtool('test', 'rules', join(folder, 'test.yaml'))).toMatchObject({ status: 1 });
  });

  test('understands every expression of the dashboard', () => {
    const exprs = [...grafanaDashboard().matchAll(/"expr": ("(?:[^"\\]|\\.)*")/g)].map(([, text]) => String(JSON.parse(text)).replaceAll('$__rate_interval', '5m'));
    const rules = exprs.map((expr, index) => ({ record: `panel:${index}`, expr }));
    writeFileSync(join(work, 'panels.yaml'), stringify({ groups: [{ name: 'panels', rules }] }));
    const { status, said } = promtool('check', 'rules', join(work, 'panels.yaml'));
    expect(said).toContain(`${rules.length} rules found`);
    expect(status).toBe(0);
  });
});
