/** What varies from line to line of one reason. Errors are written with message, code and cause. */
export type LogFields = Readonly<Record<string, unknown>>;

export interface LogEntry {
  /** ISO 8601, UTC. */
  readonly time: string;
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly reason: string;
  readonly message: string;
  readonly fields: LogFields;
}

const valueCharsMax = 4000;
const causesMax = 4;
const colours = { debug: 90, info: 36, warn: 33, error: 31 } as const;

/** One JSON object and a newline. A field never hides time, level, reason or message. */
export function jsonLine({ time, level, reason, message, fields }: LogEntry): string {
  const head = { time, level, reason, message: bounded(message) };
  return `${JSON.stringify({ ...head, ...printable(fields), ...head })}\n`;
}

/** A line for people: `12:00:00.123 WARN  message  key=value`. Control characters are escaped. */
export function textLine({ time, level, message, fields }: LogEntry, colour: boolean): string {
  const word = level.toUpperCase().padEnd(5);
  const painted = colour ? `\u001b[${colours[level]}m${word}\u001b[0m` : word;
  const pairs = Object.entries(printable(fields)).map(([key, value]) => `  ${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
  return `${time.slice(11, 23)} ${painted} ${escaped(bounded(message) + pairs.join(''))}\n`;
}

function printable(fields: LogFields): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => [key, printableValue(value)]));
}

function printableValue(value: unknown): unknown {
  if (typeof value === 'string') return bounded(value);
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Error) return errorText(value);
  if (typeof value !== 'object' || value === null) return value;
  try {
    const text = JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? inner.toString() : inner));
    return text.length > valueCharsMax ? bounded(text) : JSON.parse(text);
  } catch {
    return '[not printable]';
  }
}

function errorText(error: Error): string {
  const parts: string[] = [];
  let next: unknown = error;
  for (let depth = 0; next instanceof Error && depth < causesMax; depth++) {
    parts.push(next.message);
    next = next.cause;
  }
  return bounded(parts.join(': '));
}

function bounded(text: string): string {
  return text.length <= valueCharsMax ? text : `${text.slice(0, valueCharsMax)}... (${text.length} characters)`;
}

function escaped(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, (char) => (
    char === '\n' ? '\\n' : `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`));
}
