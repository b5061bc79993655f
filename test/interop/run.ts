// npm run interop [-- --report FILE] [-- vitest's arguments]: Thresher between programs of other projects. Ends with one line, `N passed, N failed`;
// FILE gets vitest's report in JSON.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packageFile } from '../../src/base/package-paths.ts';

const [first, given, ...others] = process.argv.slice(2);
const [file, rest] = first === '--report' ? [given, others] : [undefined, process.argv.slice(2)];
const directory = mkdtempSync(join(tmpdir(), 'interop-report-'));
const report = file ?? join(directory, 'report.json');
const vitest = [packageFile('node_modules/vitest/vitest.mjs'), 'run', '--config', packageFile('test/interop/vitest.config.ts')];
const run = spawnSync(process.execPath, [...vitest, '--reporter=default', '--reporter=json', `--outputFile.json=${report}`, ...rest], { stdio: ['ignore', 'inherit', 'inherit'] });
const counted = spawnSync(process.execPath, [packageFile('scripts/count-tests.mjs'), report], { stdio: 'inherit' });
rmSync(directory, { recursive: true });
process.exitCode = run.status === 0 && counted.status === 0 ? 0 : 1;
