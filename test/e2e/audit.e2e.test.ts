import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { packageFile } from '../../src/base/package-paths.ts';
import { CaptureWriter } from '../../src/otap/capture-file.ts';
import { OtapStreamEncoder } from '../../src/otap/encode/stream-encoder.ts';
import { OutputBatchBuilder } from '../../src/otap/take/builder.ts';
import { allRows } from '../../src/otap/take/split.ts';
import { captureOf, directory as captures } from '../support/captures.ts';
import { mulberry } from '../support/mulberry.ts';
import { fractionOf, randomId, sampledSpans, spansBatch, type TestSpan } from '../unit/audit/streams.ts';

const directory = mkdtempSync(join(tmpdir(), 'audit-'));
afterAll(() => rmSync(directory, { recursive: true }));

function thresher(...argv: readonly string[]): { readonly status: number | null; readonly stdout: string; readonly stderr: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [packageFile('src/main.ts'), ...argv], { encoding: 'utf8', cwd: directory });
  return { status, stdout, stderr };
}

function written(name: string, spans: readonly TestSpan[]): string {
  const path = join(directory, name);
  const writer = new CaptureWriter(path);
  const encoder = new OtapStreamEncoder('traces', { bodyCompression: 'zstd', zstdLevel: 1 });
  for (let from = 0; from < spans.length; from += 1000) {
    const batch = spansBatch(spans.slice(from, from + 1000), from + 1);
    const builder = new OutputBatchBuilder('traces');
    builder.append(batch, allRows(batch), null);
    writer.write(encoder.encode(BigInt(from), builder.finish()));
  }
  writer.close();
  return path;
}

const random = mulberry(3);
const honest = sampledSpans(random, 3000, 0.5, 'honest');
const legacy = Array.from({ length: 5000 }, () => randomId(random)).filter((id) => Number(id.readBigUInt64BE(8)) / 2 ** 64 < 0.2).map((id) => ({ id, service: 'payment' }));

interface Report {
  readonly findings: readonly { readonly service: string; readonly kind: string; readonly severity: string }[];
  readonly pairs: readonly { readonly services: readonly { readonly name: string; readonly z: number | null; readonly truth: number; readonly estimate: number }[] }[];
}

function reportOf(text: string): Report {
  return JSON.parse(text) as Report;
}

describe('thresher audit', () => {
  test('finds nothing in an honest stream', () => {
    const { status, stdout, stderr } = thresher('audit', written('honest.otap', honest));
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toContain('nothing wrong was found');
  });

  test('names the service that lies, for people and for machines', () => {
    const path = written('mixed.otap', [...honest, ...legacy]);
    const text = thresher('audit', path);
    expect(text.status).toBe(1);
    expect(text.stdout).toMatch(/FAULT payment: \d+ of \d+ units .* \[legacy_ratio_sampler, p [<\d.e -]+\]\n +probably a legacy TraceIdRatioBased sampler at about 20 %/);
    expect(text.stdout).not.toContain('FAULT honest');
    const json = thresher('audit', path, '--format', 'json');
    expect(json.status).toBe(1);
    expect(reportOf(json.stdout).findings.map(({ service, kind }) => [service, kind])).toEqual([['payment', 'legacy_ratio_sampler']]);
  });

  test('reads a directory', () => {
    const inner = join(directory, 'many');
    mkdirSync(inner);
    for (const half of [0, 1]) written(`many/${half}.otap`, legacy.filter((_, index) => index % 2 === half));
    const { status, stdout } = thresher('audit', inner);
    expect(status).toBe(1);
    expect(stdout).toContain(`${legacy.length} items of 1 service(s)`);
  });

  test('proves a replay: estimate against truth by service', () => {
    const policy = join(directory, 'p.sql');
    writeFileSync(policy, 'SELECT trace_id, 0.25 AS probability FROM traces');
    const input = join(captures, captureOf('traces_zstd').file);
    const output = join(directory, 'kept.otap');
    const replay = thresher('replay', '--input', input, '--policy', policy, '--output', output);
    expect(replay.stdout).toMatch(/\ncertificate +key +truth +estimate +95 % interval +z\n\(all\) +\(all\) +21348 /);
    const { status, stdout } = thresher('audit', '--before', input, output, '--format', 'json');
    expect(status).toBe(0);
    const [{ services }] = reportOf(stdout).pairs;
    expect(services.length).toBe(13);
    expect(services[0]).toMatchObject({ name: '(all)', truth: 21348 });
    for (const { z } of services) expect(Math.abs(z ?? Number.POSITIVE_INFINITY)).toBeLessThan(4.5);
  });

  test('a sampler that counts double, drops what it says it keeps, or sends what never came is caught', () => {
    const all = Array.from({ length: 6000 }, () => randomId(random)).map((id): TestSpan => ({ id, service: 'shop' }));
    const before = written('before.otap', all);
    const kept = all.filter(({ id }) => fractionOf(id) >= 0.5);
    const kinds = (name: string, spans: readonly TestSpan[]): string[] => {
      const { status, stdout } = thresher('audit', '--before', before, written(name, spans), '--format', 'json');
      expect(status).toBe(reportOf(stdout).findings.length > 0 ? 1 : 0);
      return [...new Set(reportOf(stdout).findings.map(({ kind }) => kind))];
    };
    expect(kinds('right.otap', kept.map((span) => ({ ...span, th: '8' })))).toEqual([]);
    expect(kinds('double.otap', kept.map((span) => ({ ...span, count: 4 })))).toEqual(['estimate_high']);
    expect(kinds('short.otap', kept.map((span) => ({ ...span, th: '0' })))).toEqual(['estimate_low']);
    expect(kinds('strange.otap', [...kept.map((span) => ({ ...span, th: '8' })), { id: randomId(random), service: 'shop', th: '0' }])).toEqual(['not_from_before']);
  });

  test('says what cannot be used', () => {
    expect(thresher('audit', 'nowhere.otap')).toMatchObject({ status: 2, stdout: '' });
    expect(thresher('audit').stderr).toContain('FILE|DIR ... is missing');
    const broken = join(directory, 'broken.otap');
    writeFileSync(broken, Buffer.from([200, 1, 2, 3]));
    const { status, stderr } = thresher('audit', broken);
    expect(status).toBe(1);
    expect(stderr).toContain('broken.otap, byte 0: the file ends within a message');
  });
});
