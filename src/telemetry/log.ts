import type { Seam } from '../base/seam.ts';
import { jsonLine, textLine, type LogEntry, type LogFields } from './log-format.ts';

export type { LogFields } from './log-format.ts';

/** Least to most urgent. */
export const logLevels = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof logLevels)[number];

/**
 * Where the process says what it does. `reason` is a stable snake_case word: lines are limited per reason, and whoever
 * reads logs by machine selects by it. The message is for people; what varies goes into the fields.
 */
export interface Logger {
  debug(reason: string, message: string, fields?: LogFields): void;
  info(reason: string, message: string, fields?: LogFields): void;
  warn(reason: string, message: string, fields?: LogFields): void;
  error(reason: string, message: string, fields?: LogFields): void;
  /** A logger whose every line carries these fields too; it shares this one's limits. */
  child(fields: LogFields): Logger;
  /** Writes what is still to be said of suppressed lines. Call at the end. */
  flush(): void;
}

export interface LogOptions {
  readonly seam: Seam;
  /** Lines below this level are not written. */
  readonly level: LogLevel;
  /** `json`: one object a line. `text`: for people; `colour` with ANSI colours. */
  readonly format: 'json' | 'text';
  readonly colour?: boolean;
  /** Gets each line, with its newline. */
  readonly write: (line: string) => void;
  /** Lines of one reason and level in one interval; further ones are counted and told at its end. Default 10. */
  readonly linesMax?: number;
  /** Default 10,000. */
  readonly intervalMs?: number;
  /** Told of each suppressed line (for a counter). */
  readonly onSuppressed?: (reason: string) => void;
}

/** Reasons watched at once. They are words in our source, so this is only a guard. */
const reasonsMax = 1000;

interface Interval {
  readonly level: LogLevel;
  readonly reason: string;
  readonly endMs: number;
  lines: number;
  suppressed: number;
}

/** A logger that writes through `options.write`; time comes from the seam. */
export function createLogger(options: LogOptions): Logger {
  return facade(new LogCore(options), {});
}

function facade(core: LogCore, bound: LogFields): Logger {
  const at = (level: LogLevel) => (reason: string, message: string, fields: LogFields = {}): void =>
    core.log(level, reason, message, { ...bound, ...fields });
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (fields) => facade(core, { ...bound, ...fields }),
    flush: () => core.flush(),
  };
}

class LogCore {
  readonly #options: LogOptions;
  readonly #levelMin: number;
  readonly #intervals = new Map<string, Interval>();

  constructor(options: LogOptions) {
    this.#options = options;
    this.#levelMin = logLevels.indexOf(options.level);
  }

  log(level: LogLevel, reason: string, message: string, fields: LogFields): void {
    if (logLevels.indexOf(level) < this.#levelMin) return;
    const nowMs = this.#options.seam.monotonicMs();
    this.#closeIntervals(nowMs);
    if (this.#admit(level, reason, nowMs)) this.#write({ level, reason, message, fields });
    else this.#options.onSuppressed?.(reason);
  }

  flush(): void {
    this.#closeIntervals(Infinity);
  }

  #admit(level: LogLevel, reason: string, nowMs: number): boolean {
    const key = `${level} ${reason}`;
    let interval = this.#intervals.get(key);
    if (interval === undefined) {
      if (this.#intervals.size >= reasonsMax) return false;
      interval = { level, reason, endMs: nowMs + (this.#options.intervalMs ?? 10_000), lines: 0, suppressed: 0 };
      this.#intervals.set(key, interval);
    }
    if (interval.lines < (this.#options.linesMax ?? 10)) {
      interval.lines += 1;
      return true;
    }
    interval.suppressed += 1;
    return false;
  }

  #closeIntervals(nowMs: number): void {
    for (const [key, { level, reason, endMs, suppressed }] of this.#intervals) {
      if (endMs > nowMs) continue;
      this.#intervals.delete(key);
      if (suppressed > 0) this.#write({ level, reason, message: `suppressed ${suppressed} more lines of this reason`, fields: { suppressed } });
    }
  }

  #write(entry: Omit<LogEntry, 'time'>): void {
    const { seam, format, colour, write } = this.#options;
    const time = new Date(Number(seam.nowUnixNano() / 1_000_000n)).toISOString();
    write(format === 'json' ? jsonLine({ ...entry, time }) : textLine({ ...entry, time }, colour ?? false));
  }
}

/** A logger for tests and for callers that need none. */
export const silentLogger: Logger = {
  debug: () => {}, info: () => {}, warn: () => {}, error: () => {}, child: () => silentLogger, flush: () => {},
};
