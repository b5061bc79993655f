import { CodedError, messageOf } from './base/errors.ts';
import { packageVersion } from './base/package-paths.ts';
import { suggestion } from './base/suggest.ts';
import { UsageError } from './commands/arguments.ts';
import { audit } from './commands/audit.ts';
import { convertCommand } from './commands/convert.ts';
import { defineCommand, exitCodes, type Command, type CommandIo, type ExitCode } from './commands/command.ts';
import { head } from './commands/head.ts';
import { inspect } from './commands/inspect.ts';
import { policy } from './commands/policy.ts';
import { replay } from './commands/replay.ts';
import { run } from './commands/run.ts';
import { commandUsage, overview } from './commands/usage.ts';
import { ConfigError } from './config/load.ts';

/** Every command but `help`, in the order of the overview. */
const registered: readonly Command[] = [run, replay, inspect, policy, head, convertCommand, audit];

function withHelp(commands: readonly Command[]): readonly Command[] {
  const help: Command = defineCommand({
    name: 'help',
    summary: 'Explain the commands, or one of them',
    options: {},
    positionals: { label: 'COMMAND', text: 'The command to explain.', min: 0, max: 2 },
    run: async ({ positionals }, io) => {
      const all = [...commands, help];
      io.stdout.write(positionals.length === 0 ? overview(all) : commandUsage(commandOf(positionals, all).command));
      return exitCodes.ok;
    },
  });
  return [...commands, help];
}

/**
 * Runs the command line `argv` (without node and script). Never throws: whatever goes wrong is said on stderr, and the
 * exit code tells which kind it is.
 */
export async function runCli(argv: readonly string[], io: CommandIo, commands: readonly Command[] = registered): Promise<ExitCode> {
  const all = withHelp(commands);
  try {
    return await dispatch(argv, io, all);
  } catch (error) {
    io.stderr.write(`${complaint(error, nearestCommand(argv, all))}\n`);
    return error instanceof UsageError || error instanceof ConfigError ? exitCodes.usage : exitCodes.failure;
  }
}

async function dispatch(argv: readonly string[], io: CommandIo, commands: readonly Command[]): Promise<ExitCode> {
  const [name] = argv;
  if (name === '--version' || name === '-V') {
    io.stdout.write(`${packageVersion()}\n`);
    return exitCodes.ok;
  }
  if (name === '--help' || name === '-h') {
    io.stdout.write(overview(commands));
    return exitCodes.ok;
  }
  if (name === undefined) throw new UsageError(['a command is missing; thresher --help lists them']);
  const { command, rest } = commandOf(argv, commands);
  const optionsEnd = rest.indexOf('--');
  const asksHelp = (optionsEnd < 0 ? rest : rest.slice(0, optionsEnd)).some((argument) => argument === '--help' || argument === '-h');
  if (asksHelp || command.subcommands.length > 0) {
    io.stdout.write(commandUsage(command));
    return exitCodes.ok;
  }
  return command.execute(rest, io);
}

/** The command that `argv` names, with what is left for it; a group's name alone, or with options, names the group. */
function commandOf([word, ...rest]: readonly string[], commands: readonly Command[], group = ''): { readonly command: Command; readonly rest: readonly string[] } {
  const name = `${group}${word}`;
  const command = commands.find((candidate) => candidate.name === name);
  if (command === undefined) {
    const known = commands.map((candidate) => candidate.name);
    throw new UsageError([`unknown ${word.startsWith('-') ? 'option' : 'command'} ${name}${suggestion(name, known)}`]);
  }
  const isGroup = command.subcommands.length > 0 && rest.length > 0 && rest[0] !== '--help' && rest[0] !== '-h';
  return isGroup ? commandOf(rest, command.subcommands, `${name} `) : { command, rest };
}

/** The command to name where something is wrong: the longest name that the first words are. */
function nearestCommand(argv: readonly string[], commands: readonly Command[]): Command | undefined {
  const command = commands.find(({ name }) => name === argv[0]);
  return command?.subcommands.find(({ name }) => name === argv.slice(0, 2).join(' ')) ?? command;
}

function complaint(error: unknown, command: Command | undefined): string {
  if (error instanceof UsageError) return `thresher: ${error.message}\nTry: thresher ${command === undefined ? '' : `${command.name} `}--help`;
  if (error instanceof CodedError) return `thresher: ${error.message}`;
  const stack = error instanceof Error && error.stack !== undefined ? `\n${error.stack}` : '';
  return `thresher: this is an error of Thresher itself: ${messageOf(error)}${stack}`;
}
