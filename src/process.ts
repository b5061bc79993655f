import { runCli } from './cli.ts';
import { exitCodes } from './commands/command.ts';

/** How long what a command left open may keep the process. */
const lingerMs = 2000;

/** Runs the command line of this process to its end and sets the exit code. */
export async function runProcess(): Promise<void> {
  const stop = new AbortController();
  listenForSignals(stop);
  endWhenNobodyReads();
  process.exitCode = await runCli(process.argv.slice(2), {
    stdout: process.stdout,
    stderr: process.stderr,
    environment: process.env,
    directory: process.cwd(),
    signal: stop.signal,
    onHangup: (listener) => process.on('SIGHUP', listener),
  });
  setTimeout(() => process.exit(), lingerMs).unref();
}

/** The first SIGINT or SIGTERM asks for an orderly end, the second ends the process at once. */
function listenForSignals(stop: AbortController): void {
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      if (stop.signal.aborted) process.exit(exitCodes.interrupted);
      stop.abort(new Error(`stopped by ${name}`));
    });
  }
}

/** A pipe that was closed on us (`thresher ... | head`) is no error. */
function endWhenNobodyReads(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? exitCodes.ok : exitCodes.failure));
  }
}
