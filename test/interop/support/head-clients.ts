import { cpSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { cached, goProgram, hashOf, runProgram } from '../../support/built-program.ts';

const clients = join(import.meta.dirname, '../head');

/** A toolchain that a machine need not have: what needs it is skipped, even in CI, and says so. */
export class NoToolchain extends Error {}

async function needs(program: string, args: readonly string[], minimum: string): Promise<void> {
  const said = await runProgram(program, args).catch((error: unknown) => { throw new NoToolchain(`no toolchain: ${program} is not there`, { cause: error }); });
  const version = /\d+(\.\d+)+/.exec(said)?.[0] ?? '0';
  const [a, b] = [version, minimum].map((text) => text.split('.').map(Number));
  if (a[0] < b[0] || (a[0] === b[0] && a[1] < b[1])) throw new NoToolchain(`no toolchain: ${program} ${version} is older than ${minimum}`);
}

export function headGo(): Promise<string> {
  return goProgram('headclient');
}

/** A directory with client.mjs and its packages. */
export function headJs(): Promise<string> {
  const source = join(clients, 'js');
  return cached('head-js', hashOf({ path: source }), async (directory) => {
    const home = join(directory, 'home');
    cpSync(source, home, { recursive: true });
    await runProgram('npm', ['ci', '--no-audit', '--no-fund', '--ignore-scripts'], { cwd: home });
    return home;
  });
}

/** A directory with the classes of HeadClient and the libraries that it needs, in lib. */
export function headJava(): Promise<string> {
  const source = join(clients, 'java');
  return cached('head-java', hashOf({ path: source }), async (directory) => {
    await needs('javac', ['--version'], '17.0');
    await needs('mvn', ['--version'], '3.6');
    const home = join(directory, 'home');
    cpSync(source, home, { recursive: true });
    await runProgram('mvn', ['-B', '-q', 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies', '-DoutputDirectory=lib'], { cwd: home });
    await runProgram('javac', ['-cp', 'lib/*', 'HeadClient.java'], { cwd: home });
    return home;
  });
}

/** The program of the Rust client. */
export function headRust(): Promise<string> {
  const source = join(clients, 'rust');
  return cached('head-rust', hashOf({ path: source }), async (directory) => {
    await needs('cargo', ['--version'], '1.85');
    cpSync(source, directory, { recursive: true });
    await runProgram('cargo', ['build', '--quiet', '--locked'], { cwd: directory });
    const program = join(directory, 'target/debug/headclient');
    if (!existsSync(program)) throw new Error(`cargo built no ${program}`);
    return program;
  });
}
