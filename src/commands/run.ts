import { type App, startApp } from '../app.ts';
import { realSeam } from '../base/seam.ts';
import { packageFile } from '../base/package-paths.ts';
import { list } from '../config/collections.ts';
import { loadConfig, type ThresherConfig } from '../config/load.ts';
import { filePath, flag, text } from '../config/scalars.ts';
import { option, optional } from '../config/section.ts';
import { createLogger, type Logger } from '../telemetry/log.ts';
import { defineCommand, exitCodes, type CommandIo } from './command.ts';
import { LiveTable } from './live-table.ts';

export const run = defineCommand({
  name: 'run',
  summary: 'Take telemetry in, sample it by policies, send on what is kept',
  text: 'Runs until SIGINT or SIGTERM; then open windows are decided and what is kept is exported (with `storage.shutdown: keep` open windows wait on the disk for the next start). A second signal stops at once. Changed policy files take over while it runs; SIGHUP reads them again.',
  options: {
    config: optional('config', filePath, 'Configuration file; without it config/default.yaml of the package.'),
    settings: option('set', list(text), [], 'Setting that goes over the file\'s, as windows.traces.length=5s.'),
    isLive: option('live', flag, false, 'Show a live table of what is kept, per service.'),
  },
  examples: ['thresher run --config thresher.yaml', 'thresher run --set exporters.debug={} --live'],
  run: async (options, io) => {
    const path = options.config ?? packageFile('config/default.yaml');
    const config = loadConfig(path, options.settings, io.environment);
    const log = loggerOf(config, io, options.isLive);
    let running: App | null = null;
    if (config.policy.reload !== 'off') io.onHangup?.(() => void running?.reloadPolicies?.('signal'));
    const app = await startApp(config, log, { countServices: options.isLive });
    running = app;
    const table = options.isLive ? new LiveTable(app.observer, app.addresses, io.stdout, realSeam()) : null;
    table?.start();
    await stopped(io.signal);
    log.info('draining', 'exporting what is kept, of open windows too unless storage.shutdown is keep; a second signal stops at once');
    const isDone = await app.drain();
    table?.stop();
    if (isDone) log.info('stopped', config.durability !== 'none' && config.storage.shutdown === 'keep' ? 'open windows wait in storage.directory for the next start' : 'all windows are decided');
    log.flush();
    return isDone ? exitCodes.ok : exitCodes.failure;
  },
});

function stopped(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

/** With a live table on the terminal, only warnings and errors are logged. */
function loggerOf(config: ThresherConfig, io: CommandIo, isLive: boolean): Logger {
  const isText = config.logs.format === 'text' || (config.logs.format === 'auto' && io.stderr.isTTY === true);
  return createLogger({
    seam: realSeam(), level: isLive ? 'warn' : config.logs.level, format: isText ? 'text' : 'json', colour: io.stderr.isTTY === true,
    linesMax: config.logs.linesMax, write: (line) => io.stderr.write(line),
  });
}
