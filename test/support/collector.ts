import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cached, hashOf, runProgram } from './built-program.ts';

const manifest = readFileSync(join(import.meta.dirname, 'collector/manifest.yaml'), 'utf8');
const builder = 'go.opentelemetry.io/collector/cmd/builder@v0.161.0';

/**
 * The path of an OpenTelemetry Collector that is made of what test/support/collector/manifest.yaml lists. The Collector Builder builds it of
 * public Go modules where the user's cache does not have it: some minutes, once for each manifest. Throws where `go` or a module is
 * not to be had.
 */
export function collectorBinary(): Promise<string> {
  return cached('collector', hashOf({ text: manifest }, { text: builder }), async (directory) => {
    await runProgram('go', ['install', builder], { env: { ...process.env, GOBIN: directory } });
    writeFileSync(join(directory, 'manifest.yaml'), manifest);
    mkdirSync(join(directory, 'built'));
    await runProgram(join(directory, 'builder'), ['--config', 'manifest.yaml'], { cwd: directory });
    return join(directory, 'built', 'collector');
  });
}
