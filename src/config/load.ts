import { readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { CodedError, messageOf } from '../base/errors.ts';
import { checkTogether } from './checks.ts';
import { declaration, type ThresherConfig } from './declaration.ts';
import { applySettings } from './overrides.ts';
import { Place, type Issue } from './place.ts';
import { substitute, type Environment } from './substitute.ts';
import { readYaml, type WrittenYaml } from './written-yaml.ts';

export type { ThresherConfig } from './declaration.ts';
export type { DeadLetterConfig, ExporterConfig } from './components.ts';
export type { HeadConfig } from './head.ts';
export type { CorsConfig, GrpcListenerConfig, HttpListenerConfig, ReceiverConfig } from './receivers.ts';
export type { ClientAuthConfig, ClientTlsConfig, HttpTlsConfig, ServerAuthConfig, ServerTlsConfig } from './security.ts';

const fileBytesMax = 2 ** 20;
const secretBytesMax = 2 ** 16;

/** A configuration that cannot be used: the message has a line for each issue. */
export class ConfigError extends CodedError {
  readonly issues: readonly Issue[];

  constructor(message: string, issues: readonly Issue[]) {
    super('INVALID_ARGUMENT', 'bad_config', message);
    this.name = 'ConfigError';
    this.issues = issues;
  }
}

export interface ConfigSource {
  /** The YAML text. */
  readonly text: string;
  /** What messages call it. */
  readonly name: string;
  /** `key.path=value` settings that go over the file's. */
  readonly settings?: readonly string[];
  readonly environment: Environment;
  /** Where relative paths of policies start. */
  readonly directory: string;
}

/** Reads the file at `path` as `parseConfig` does; relative paths start from the working directory. */
export function loadConfig(path: string, settings: readonly string[], environment: Environment): ThresherConfig {
  let text: string;
  try {
    text = readBounded(path, fileBytesMax);
  } catch (error) {
    throw new ConfigError(`cannot read the configuration ${path}: ${messageOf(error)}`, []);
  }
  return parseConfig({ text, name: path, settings, environment, directory: process.cwd() });
}

/**
 * Text to a valid configuration: YAML, settings over it, references replaced, options read, checked together, policies
 * found. Throws ConfigError with all issues at once.
 */
export function parseConfig({ text, name, settings = [], environment, directory }: ConfigSource): ThresherConfig {
  const yaml = readYaml(text);
  const issues: Issue[] = [];
  const root = new Place([], {
    issues, directory, unresolved: new Set(), readFile: (path) => readBounded(resolve(directory, path), secretBytesMax).replace(/\r?\n$/, '') });
  if (yaml.errors.length > 0) {
    const lines = yaml.errors.map(({ line, message }) => `${position(name, line)}: ${message}`);
    throw new ConfigError(headed(name, lines), yaml.errors.map(({ message }) => ({ path: [], message })));
  }
  const written = substitute(applySettings(yaml.value, settings, root), environment, root);
  const config = declaration.read(written, root);
  if (config !== undefined) checkTogether(config, root);
  if (config === undefined || issues.length > 0) throw new ConfigError(headed(name, issues.map((issue) => lineOf(issue, name, yaml))), issues);
  return config;
}

function lineOf({ path, message }: Issue, name: string, yaml: WrittenYaml): string {
  return `${position(name, yaml.lineOf(path))}: ${path.length === 0 ? '' : `${path.join('.')}: `}${message}`;
}

function position(name: string, line: number | null): string {
  return line === null ? name : `${name}:${line}`;
}

function headed(name: string, lines: readonly string[]): string {
  return `the configuration ${name} has ${lines.length === 1 ? 'an error' : `${lines.length} errors`}:\n${lines.map((line) => `  ${line}`).join('\n')}`;
}

function readBounded(path: string, bytesMax: number): string {
  const { size } = statSync(path);
  if (size > bytesMax) throw new Error(`${size} bytes are more than the ${bytesMax} that are read`);
  return readFileSync(path, 'utf8');
}
