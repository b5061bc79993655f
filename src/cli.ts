import { CodedError, messageOf } from './base/errors.ts';
import { packageVersion } from './base/package-paths.ts';
import { suggestion } from './base/suggest.ts';
import { UsageError } from './commands/arguments.ts';
import { defineCommand, exitCodes, type Command, type CommandIo, type ExitCode } from './commands/command.ts';
import { inspect } from './commands/inspect.ts';
import { replay } from './commands/replay.ts';
import { run } from './commands/run.ts';
import { commandUsage, overview } from './commands/usage.ts';
import { ConfigError } from './config/load.ts';

/** Every command but `help`, in the order of the overview. */
const registered: readonly Command[] = [run, replay, inspect];

function withHelp(commands: readonly Command[]): readonly Command[] {
  const help: Command = defineCommand({
    name: 'help',
    summary: 'Explain the commands, or one of them',
    options: {},
    positionals: { label: 'COMMAND', text: 'The command to explain.', min: 0, max: 1 },
    run: async ({ positionals: [name] }, io) => {
      const all = [...commands, help];
      io.stdout.write(name === undefined ? overview(all) : commandUsage(commandNamed(name, all)));
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
    io.stderr.write(`${complaint(error, all.find(({ name }) => name === argv[0]))}\n`);
    return error instanceof UsageError || error instanceof ConfigError ? exitCodes.usage : exitCodes.failure;
  }
}

async function dispatch([name, ...rest]: readonly string[], io: CommandIo, commands: readonly Command[]): Promise<ExitCode> {
  if (name === '--version' || name === '-V') {
    io.stdout.write(`${packageVersion()}\n`);
    return exitCodes.ok;
  }
  if (name === '--help' || name === '-h') {
    io.stdout.write(overview(commands));
    return exitCodes.ok;
  }
  if (name === undefined) throw new UsageError(['a command is missing; thresher --help lists them']);
  const command = commandNamed(name, commands);
  const optionsEnd = rest.indexOf('--');
  if ((optionsEnd < 0 ? rest : rest.slice(0, optionsEnd)).some((argument) => argument === '--help' || argument === '-h')) {
    io.stdout.write(commandUsage(command));
    return exitCodes.ok;
  }
  return command.execute(rest, io);
}

function commandNamed(name: string, commands: readonly Command[]): Command {
  const command = commands.find((candidate) => candidate.name === name);
  if (command === undefined) throw new UsageError([`unknown ${name.startsWith('-') ? 'option' : 'command'} ${name}${suggestion(name, commands.map((known) => known.name))}`]);
  return command;
}

function complaint(error: unknown, command: Command | undefined): string {
  if (error instanceof UsageError) return `thresher: ${error.message}\nTry: thresher ${command === undefined ? '' : `${command.name} `}--help`;
  if (error instanceof CodedError) return `thresher: ${error.message}`;
  const stack = error instanceof Error && error.stack !== undefined ? `\n${error.stack}` : '';
  return `thresher: this is an error of Thresher itself: ${messageOf(error)}${stack}`;
}
