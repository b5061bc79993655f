import { readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { CodedError, messageOf } from '../../base/errors.ts';
import { Place, type Issue } from '../../config/place.ts';
import { readYaml } from '../../config/written-yaml.ts';
import { checkCases } from './check-cases.ts';
import { testFile, type TestFile } from './declaration.ts';

const fileBytesMax = 8 * 2 ** 20;

/** A test file that cannot be used: the message has a line for each issue. */
export class TestFileError extends CodedError {
  constructor(path: string, lines: readonly string[]) {
    super('INVALID_ARGUMENT', 'bad_test_file', `${path} has ${lines.length === 1 ? 'an error' : `${lines.length} errors`}:\n${lines.map((line) => `  ${line}`).join('\n')}`);
    this.name = 'TestFileError';
  }
}

/** Reads the test file at `path`. Throws TestFileError with everything that is wrong, each with its line and path. */
export function loadTestFile(path: string): TestFile {
  let source: string;
  try {
    const { size } = statSync(path);
    if (size > fileBytesMax) throw new Error(`${size} bytes are more than the ${fileBytesMax} that are read`);
    source = readFileSync(path, 'utf8');
  } catch (error) {
    throw new TestFileError(path, [`cannot be read: ${messageOf(error)}`]);
  }
  return parseTestFile(path, source);
}

/** The same of its text. */
export function parseTestFile(path: string, source: string): TestFile {
  const yaml = readYaml(source);
  if (yaml.errors.length > 0) throw new TestFileError(path, yaml.errors.map(({ line, message }) => `${line === null ? path : `${path}:${line}`}: ${message}`));
  const issues: Issue[] = [];
  const root = new Place([], { issues, directory: dirname(path), unresolved: new Set(), readFile: () => '' });
  const file = testFile.read(yaml.value, root);
  if (file !== undefined) checkCases(file, root);
  if (file === undefined || issues.length > 0) {
    throw new TestFileError(path, issues.map(({ path: keys, message }) => {
      const line = yaml.lineOf(keys);
      return `${line === null ? path : `${path}:${line}`}: ${keys.length === 0 ? '' : `${keys.join('.')}: `}${message}`;
    }));
  }
  return file;
}
