import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { messageOf } from '../base/errors.ts';
import { filePath, flag, text, integer } from '../config/scalars.ts';
import { option, optional } from '../config/section.ts';
import { readYaml } from '../config/written-yaml.ts';
import { convert } from '../convert/convert.ts';
import { type Finding, NoEqual, type Severity } from '../convert/finding.ts';
import type { WrittenFile } from '../convert/policy-file.ts';
import { PolicyChecker } from '../policy/check/policy-checker.ts';
import { sqlFunctionFiles } from '../sampling/sql-functions.ts';
import { UsageError } from './arguments.ts';
import { defineCommand, exitCodes, type CommandIo } from './command.ts';

const fileBytesMax = 2 ** 22;

export const convertCommand = defineCommand({
  name: 'convert',
  summary: 'Turn a Collector\'s tail_sampling, or Refinery\'s rules, into policies',
  text: 'Writes a policy for each policy of a tail_sampling processor (of each sampler of a rules_config.yaml), and a thresher.yaml that runs them. '
    + 'Without --output all is printed.\n\n'
    + 'What has no equal, or not quite the same one, is said on standard error with its place and the reason. The exit code is 1 where something could '
    + 'not be converted (with --strict: or is another thing here). docs/convert.md tells what becomes of each part.',
  options: {
    output: optional('output', filePath, 'Folder to write to; it is made where it is missing.'),
    overwrite: option('overwrite', flag, false, 'Replace files that are there.'),
    select: optional('select', text, 'The processor (tail_sampling/two), or the environment of Refinery\'s rules, where there are several.'),
    bytesPerSpan: option('bytes_per_span', integer({ min: 1, max: 1_000_000 }), 500, 'Bytes that a span counts where limits are in bytes.'),
    isStrict: option('strict', flag, false, 'Warnings fail too.'),
  },
  positionals: { label: 'FILE', text: 'A Collector\'s configuration, or Refinery\'s rules_config.yaml.', min: 1, max: 1 },
  examples: ['thresher convert collector.yaml', 'thresher convert collector.yaml --output policies', 'thresher convert rules_config.yaml --select production'],
  run: async (options, io) => {
    const [path] = options.positionals;
    const conversion = converted({ value: readDocument(resolve(io.directory, path)), source: basename(path), select: options.select, bytesPerSpan: options.bytesPerSpan }, path);
    const findings = [...conversion.findings, ...await checked(conversion.files)];
    if (options.output === null) print(conversion.files, io);
    else write(conversion.files, resolve(io.directory, options.output), options.overwrite);
    for (const { severity, place, message } of findings) io.stderr.write(`${severity}: ${place}: ${message}\n`);
    io.stderr.write(`${summary(conversion.files, findings)}\n`);
    return findings.some(({ severity }) => severity === 'error' || (options.isStrict && severity === 'warning')) ? exitCodes.failure : exitCodes.ok;
  },
});

function converted(request: Parameters<typeof convert>[0], path: string): ReturnType<typeof convert> {
  try {
    return convert(request);
  } catch (error) {
    if (!(error instanceof NoEqual)) throw error;
    throw new UsageError([`${path}: ${error.message}`]);
  }
}

function readDocument(path: string): unknown {
  let source: string;
  try {
    if (statSync(path).size > fileBytesMax) throw new Error(`it has more than ${fileBytesMax} bytes`);
    source = readFileSync(path, 'utf8');
  } catch (error) {
    throw new UsageError([`cannot read ${path}: ${messageOf(error)}`]);
  }
  const { value, errors } = readYaml(source);
  if (errors.length > 0) throw new UsageError(errors.map(({ line, message }) => `${path}${line === null ? '' : `:${line}`}: ${message}`));
  return value;
}

/** Reads what came out as `policy check` does: a pattern that DuckDB cannot read shows here. */
async function checked(files: readonly WrittenFile[]): Promise<readonly Finding[]> {
  const checker = await PolicyChecker.open(sqlFunctionFiles());
  try {
    const findings: Finding[] = [];
    for (const { name, text: sql } of files.filter((file) => file.name.endsWith('.sql'))) {
      const report = await checker.check(basename(name, '.sql'), sql);
      findings.push(...report.findings.map(({ severity, message, hint }) => ({ severity, place: name, message: hint === null ? message : `${message}; ${hint}` })));
    }
    return findings;
  } finally {
    checker.close();
  }
}

function print(files: readonly WrittenFile[], io: CommandIo): void {
  io.stdout.write(files.map(({ name, text: content }) => `${name.endsWith('.sql') ? '--' : '#'} ---- ${name} ----\n${content}`).join('\n'));
}

function write(files: readonly WrittenFile[], folder: string, overwrites: boolean): void {
  const there = files.filter(({ name }) => existsSync(join(folder, name)));
  if (there.length > 0 && !overwrites) throw new UsageError([`--output: ${there.map(({ name }) => name).join(', ')} ${there.length === 1 ? 'is' : 'are'} there already; --overwrite replaces`]);
  mkdirSync(folder, { recursive: true });
  for (const { name, text: content } of files) writeFileSync(join(folder, name), content);
}

function summary(files: readonly WrittenFile[], findings: readonly Finding[]): string {
  const count = (severity: Severity, word: string): string => {
    const n = findings.filter((finding) => finding.severity === severity).length;
    return `${n} ${word}${n === 1 ? '' : 's'}`;
  };
  const policies = files.filter(({ name }) => name.endsWith('.sql')).length;
  return `${policies} ${policies === 1 ? 'policy' : 'policies'}, ${count('error', 'error')}, ${count('warning', 'warning')}, ${count('note', 'note')}`;
}
