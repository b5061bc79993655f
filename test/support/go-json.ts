import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Signal } from '../../src/otap/payload-type.ts';
import { goProgram } from './built-program.ts';
import { splitDelimited } from './captures.ts';
import { joinDelimited } from './otapverify.ts';

/** What the Collector's reader of OTLP (pdata) makes of a request: protobuf, or why it refuses it. */
export type Reading = { readonly protobuf: Uint8Array } | { readonly error: string };

/** Why tests against pdata are skipped: no `go` outside of CI; null where they must run. */
export const withoutGo: string | null =
  spawnSync('go', ['version']).error !== undefined && process.env['CI'] === undefined ? 'the Collector\'s reader of JSON needs `go`, which is not installed' : null;

/** Reads requests in JSON as the Collector does. */
export function readJsonWithGo(signal: Signal, texts: readonly Uint8Array[]): Promise<Reading[]> {
  return readWithGo(signal, 'json', texts);
}

/** Reads requests as the Collector does. */
export async function readWithGo(signal: Signal, encoding: 'json' | 'proto', requests: readonly Uint8Array[]): Promise<Reading[]> {
  const directory = mkdtempSync(join(tmpdir(), 'otlpjson-'));
  try {
    const [input, output] = [join(directory, 'input'), join(directory, 'output')];
    writeFileSync(input, joinDelimited(requests));
    await promisify(execFile)(await goProgram('otlpjson'), [signal, encoding, input, output]);
    return splitDelimited(readFileSync(output)).map((answer) => {
      const bytes = answer.subarray(1);
      return answer[0] === 1 ? { protobuf: bytes } : { error: Buffer.from(bytes).toString('utf8') };
    });
  } finally {
    rmSync(directory, { recursive: true });
  }
}
