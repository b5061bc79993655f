/** One thing that is wrong with a configuration. */
export interface Issue {
  /** Keys from the root, as in `receivers`, `otlp`, `grpc`, `endpoint`. */
  readonly path: readonly string[];
  readonly message: string;
}

/** What reading an option may need from outside. */
export interface ReadContext {
  readonly issues: Issue[];
  /** Paths (keys joined by dots) of references that led nowhere: what stands there instead is not complained about again. */
  readonly unresolved: Set<string>;
  /** Where relative paths start. */
  readonly directory: string;
  /** The text of a secret's file, without its last newline; throws when it cannot be read. */
  readonly readFile: (path: string) => string;
}

/** Where in the configuration a value stands, and where its issues go. */
export class Place {
  readonly path: readonly string[];
  readonly context: ReadContext;

  constructor(path: readonly string[], context: ReadContext) {
    this.path = path;
    this.context = context;
  }

  at(key: string | number): Place {
    return new Place([...this.path, String(key)], this.context);
  }

  /** Records an issue. Returns undefined, which is what a reader returns for a value that it cannot use. */
  fail(message: string): undefined {
    const { issues, unresolved } = this.context;
    if (!unresolved.has(this.path.join('.'))) issues.push({ path: this.path, message });
    return undefined;
  }
}

/** A value as it was written, short enough for a message. */
export function shown(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  const text = JSON.stringify(value) ?? typeof value;
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
