import { readFileSync } from 'node:fs';
import { sqlFunctionFiles } from '../../sampling/sql-functions.ts';

/** What the library says of its functions, by name: the sentences behind the signature in the head of each file, up to the first empty line. */
export function functionDocs(): ReadonlyMap<string, string> {
  return new Map(sqlFunctionFiles().map(({ name, path }) => [name, meaningIn(readFileSync(path, 'utf8'))]));
}

/** The first paragraph of a file's comment without its signature: `-- f(x): meaning`. */
export function meaningIn(text: string): string {
  const lines: string[] = [];
  for (const line of text.split('\n')) {
    const comment = /^--\s?(.*)$/.exec(line)?.[1].trim();
    if (comment === undefined || comment === '') break;
    lines.push(comment);
  }
  return lines.join(' ').replace(/^\w+\([^)]*\)(,\s*\w+\([^)]*\))*\s*:\s*/, '').replace(/^(aggregate|row function)\.\s*/i, '');
}
