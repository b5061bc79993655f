import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageFile } from '../../../src/base/package-paths.ts';
import { Child } from '../../support/child.ts';

export interface ThresherConfig {
  readonly receivers: Readonly<Record<string, unknown>>;
  readonly exporters: Readonly<Record<string, unknown>>;
  /** Policies by the name of their file, without `.sql`; those that keep all where none are given. */
  readonly policies?: Readonly<Record<string, string>>;
  /** Further sections. */
  readonly more?: Readonly<Record<string, unknown>>;
}

const keepAll = {
  all_traces: 'SELECT trace_id, 1.0 AS probability FROM traces',
  all_logs: 'SELECT id, 1.0 AS probability FROM logs',
};

/** Recorded telemetry is older than decisions are remembered by default, and would be marked for it. */
const anyAge = { horizon: '3650d' };
const shortWindows = { traces: { length: '500ms', decision_wait: '500ms' }, logs: { length: '500ms' } };

/** Starts `thresher run` with a configuration that is written to the directory, and waits until it listens. Windows are short unless `more` says otherwise. */
export async function startThresher(directory: string, config: ThresherConfig): Promise<Child> {
  const policies = join(directory, 'policies');
  mkdirSync(policies, { recursive: true });
  const files = Object.entries(config.policies ?? keepAll).map(([name, sql]) => {
    writeFileSync(join(policies, `${name}.sql`), sql);
    return join(policies, `${name}.sql`);
  });
  const path = join(directory, 'thresher.yaml');
  const { receivers, exporters, more = {} } = config;
  writeFileSync(path, JSON.stringify({ windows: shortWindows, decision_cache: anyAge, http: { endpoint: '127.0.0.1:0' }, logs: { format: 'json' }, ...more, receivers, exporters, policies: files }, null, 2));
  const child = new Child('thresher', process.execPath, [packageFile('src/main.ts'), 'run', '--config', path]);
  await child.says('"started"');
  return child;
}

/** The values of Thresher's metrics whose line begins with these words, added up. */
export async function metricOf(thresher: Child, beginning: string): Promise<number> {
  const port = /"http":"127\.0\.0\.1:(\d+)/.exec(thresher.said)?.[1] ?? '';
  const response = await fetch(`http://127.0.0.1:${port}/metrics`, { headers: { connection: 'close' } });
  const lines = (await response.text()).split('\n').filter((line) => line.startsWith(beginning));
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}
