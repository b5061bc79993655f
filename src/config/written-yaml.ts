import { isNode, LineCounter, parseDocument, type Document } from 'yaml';

/** A YAML text taken apart: plain values, and where each stands. */
export interface WrittenYaml {
  readonly value: unknown;
  /** What is wrong with the text as YAML, each with its line. */
  readonly errors: readonly { readonly line: number | null; readonly message: string }[];
  /** The line of the deepest key of `path` that is written, from 1; null where none is. */
  readonly lineOf: (path: readonly string[]) => number | null;
}

/** Reads YAML 1.2 (core schema); never throws. Aliases are bounded, so that a small file cannot grow large. */
export function readYaml(source: string): WrittenYaml {
  const lineCounter = new LineCounter();
  const document = parseDocument(source, { lineCounter, prettyErrors: false, uniqueKeys: true });
  const errors = document.errors.map(({ message, pos }) => ({ line: lineCounter.linePos(pos[0]).line, message }));
  const lineOf = (path: readonly string[]): number | null => lineOfPath(document, lineCounter, path);
  if (errors.length > 0) return { value: undefined, errors, lineOf };
  try {
    return { value: document.toJS({ maxAliasCount: 50 }), errors, lineOf };
  } catch (error) {
    return { value: undefined, errors: [{ line: null, message: error instanceof Error ? error.message : String(error) }], lineOf };
  }
}

function lineOfPath(document: Document, lines: LineCounter, path: readonly string[]): number | null {
  for (let length = path.length; length > 0; length--) {
    const node: unknown = document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range !== undefined && node.range !== null) return lines.linePos(node.range[0]).line;
  }
  return null;
}
