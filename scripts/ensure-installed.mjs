// Installs the dependencies when they are missing or are not those of package-lock.json, and checks that the `node` that
// npm scripts will find is new enough. It runs before anything is installed, on whatever Node there is (18 or later), so
// it is plain JavaScript and needs no package. Everything goes to stderr: stdout belongs to the command that follows.
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const nodeMajorMin = 24;
const root = fileURLToPath(new URL('..', import.meta.url));

function packagesOf(path) {
  try {
    return JSON.parse(readFileSync(join(root, path), 'utf8')).packages ?? {};
  } catch {
    return null;
  }
}

/** Whether node_modules holds what package-lock.json asks for: contents are compared, since times of files lie. */
function isInstalled() {
  const installed = packagesOf('node_modules/.package-lock.json');
  const locked = packagesOf('package-lock.json');
  if (installed === null || locked === null) return installed !== null;
  const same = (path) => installed[path]?.version === locked[path]?.version && installed[path]?.integrity === locked[path]?.integrity;
  const needed = Object.entries(locked).filter(([path, entry]) => path !== '' && !entry.optional && !entry.devOptional && !entry.peer);
  return needed.every(([path]) => same(path)) && Object.keys(installed).every((path) => path in locked && same(path));
}

function npm(...args) {
  process.stderr.write(`thresher: npm ${args.join(' ')}\n`);
  const { status } = spawnSync('npm', args, { cwd: root, stdio: ['ignore', 2, 2], shell: process.platform === 'win32' });
  return status === 0;
}

/** The major version of the `node` that comes first on the path of npm scripts, or 0. */
function scriptNodeMajor() {
  const path = [join(root, 'node_modules', '.bin'), process.env.PATH].join(delimiter);
  try {
    return Number(execFileSync('node', ['-p', 'process.versions.node.split(".")[0]'], { env: { ...process.env, PATH: path }, encoding: 'utf8' }));
  } catch {
    return 0;
  }
}

// The package `node` brings Node 24, where there is a build of it; where there is none, a Node 24 of the system will do.
function install() {
  if (npm('ci', '--no-audit', '--no-fund')) return true;
  return Number(process.versions.node.split('.')[0]) >= nodeMajorMin && npm('ci', '--no-audit', '--no-fund', '--ignore-scripts');
}

if (!isInstalled() && !install()) {
  process.stderr.write('thresher: the dependencies could not be installed; npm says above why\n');
  process.exit(1);
}
if (scriptNodeMajor() < nodeMajorMin && !(npm('rebuild', 'node') && scriptNodeMajor() >= nodeMajorMin)) {
  process.stderr.write(`thresher: Node ${nodeMajorMin} is needed and could not be installed as a package; install it from nodejs.org and try again\n`);
  process.exit(1);
}
