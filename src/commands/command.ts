import type { Environment } from '../config/substitute.ts';
import type { Fields, ValuesOf } from '../config/section.ts';
import { parseArguments } from './arguments.ts';

/** 0: done. 1: failed. 2: the arguments or the configuration cannot be used. 130 is a second Ctrl-C. */
export const exitCodes = { ok: 0, failure: 1, usage: 2, interrupted: 130 } as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** Where text goes. */
export interface TextSink {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** What a command may touch of the process. */
export interface CommandIo {
  /** Results. */
  readonly stdout: TextSink;
  /** Progress, logs and complaints. */
  readonly stderr: TextSink;
  readonly environment: Environment;
  /** Relative paths start here. */
  readonly directory: string;
  /** Aborted by the first SIGINT or SIGTERM: finish what is open, then return. */
  readonly signal: AbortSignal;
  /** Calls `listener` at each SIGHUP, which else ends the process. */
  readonly onHangup?: (listener: () => void) => void;
}

/** What stands behind the options on the command line, for example one `FILE`. */
export interface Positionals {
  readonly label: string;
  readonly text: string;
  readonly min: number;
  readonly max: number;
}

interface Definition<F extends Fields> {
  readonly name: string;
  /** One line, without a full stop. */
  readonly summary: string;
  /** Further paragraphs of `--help`. */
  readonly text?: string;
  /** Declared as in a configuration section; the key `decision_wait` is the option `--decision-wait`. */
  readonly options: F;
  readonly positionals?: Positionals;
  readonly examples?: readonly string[];
  run(args: ValuesOf<F> & { readonly positionals: readonly string[] }, io: CommandIo): Promise<ExitCode>;
}

/** A subcommand: what `--help` tells of it, and how it runs with the arguments behind its name. */
export interface Command {
  readonly name: string;
  readonly summary: string;
  readonly text: string;
  readonly options: Fields;
  readonly positionals: Positionals;
  readonly examples: readonly string[];
  /** Commands behind its name, as `check` of `policy check`; a command that has some does nothing by itself. */
  readonly subcommands: readonly Command[];
  /** Throws UsageError when the arguments cannot be used. */
  execute(argv: readonly string[], io: CommandIo): Promise<ExitCode>;
}

const noPositionals: Positionals = { label: '', text: '', min: 0, max: 0 };

/** Declares a command; `run` gets its options read, typed and with their defaults. */
export function defineCommand<const F extends Fields>(definition: Definition<F>): Command {
  const positionals = definition.positionals ?? noPositionals;
  return {
    name: definition.name,
    summary: definition.summary,
    text: definition.text ?? '',
    options: definition.options,
    positionals,
    examples: definition.examples ?? [],
    subcommands: [],
    execute: async (argv, io) => definition.run(parseArguments(definition.options, positionals, argv, io.directory), io),
  };
}

/** Declares a command of commands. Each of `subcommands` is named in full, as `policy check`. */
export function defineGroup(group: { readonly name: string; readonly summary: string; readonly text: string; readonly subcommands: readonly Command[] }): Command {
  return { ...group, options: {}, positionals: noPositionals, examples: [], execute: async () => exitCodes.usage };
}
