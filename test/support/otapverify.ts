import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { varintLength, writeVarint } from '../../src/otap/proto/wire-writer.ts';
import type { Signal } from '../../src/otap/payload-type.ts';
import { splitDelimited } from './captures.ts';
import type { OtlpRequest } from './otlp-json.ts';
import { parseOtlp } from './otlp-truth.ts';

const source = join(import.meta.dirname, 'go/otapverify');
const cache = join(import.meta.dirname, '../../node_modules/.cache/otapverify');

/** Why tests against the Go reference consumer are skipped: no `go` outside of CI; null where they must run. */
export const withoutGo: string | null =
  spawnSync('go', ['version']).error !== undefined && process.env['CI'] === undefined
    ? 'the Go reference consumer needs `go`, which is not installed'
    : null;

/** Decodes one stream with the Go reference consumer; a request for each batch. Throws what the consumer says of a batch it refuses. */
export function decodeWithGo(signal: Signal, messages: readonly Uint8Array[]): OtlpRequest[] {
  const directory = mkdtempSync(join(tmpdir(), 'otapverify-'));
  try {
    const capture = join(directory, 'capture.otap');
    const output = join(directory, 'decoded.pb');
    writeFileSync(capture, joinDelimited(messages));
    const run = spawnSync(built(), [signal, capture, output], { encoding: 'utf8' });
    if (run.status !== 0) throw new Error(`the Go reference consumer refused the stream: ${run.stderr}`);
    return splitDelimited(readFileSync(output)).map((message) => parseOtlp(signal, message));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** Repeated [uvarint length][bytes]. */
export function joinDelimited(messages: readonly Uint8Array[]): Buffer {
  return Buffer.concat(
    messages.flatMap((message) => {
      const prefix = new Uint8Array(varintLength(message.length));
      writeVarint(prefix, 0, message.length);
      return [prefix, message];
    }),
  );
}

/** The program, built once for each content of its directory. */
function built(): string {
  const hash = createHash('sha256');
  for (const file of readdirSync(source).sort()) hash.update(file).update(readFileSync(join(source, file)));
  const program = join(cache, hash.digest('hex').slice(0, 16));
  if (existsSync(program)) return program;
  mkdirSync(cache, { recursive: true });
  const building = `${program}.${process.pid}`;
  execFileSync('go', ['build', '-o', building, '.'], { cwd: source, stdio: ['ignore', 'ignore', 'inherit'] });
  renameSync(building, program);
  return program;
}
