import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { CodedError } from '../base/errors.ts';
import { defaultHashKey, realSeam, type Seam } from '../base/seam.ts';
import { type Finding, findingsOf } from '../audit/findings.ts';
import { pairFindings } from '../audit/pair-findings.ts';
import { StreamAudit } from '../audit/stream-audit.ts';
import { StreamPair } from '../audit/stream-pair.ts';
import { filePath, number, oneOf } from '../config/scalars.ts';
import { option, optional } from '../config/section.ts';
import type { OtapBatch } from '../otap/batch.ts';
import { CaptureReader, signalOfMessage } from '../otap/capture-file.ts';
import { OtapStreamDecoder } from '../otap/decode/stream-decoder.ts';
import type { Signal } from '../otap/payload-type.ts';
import { KeyedHash } from '../sampling/keyed-hash.ts';
import { type AuditResult, auditJson, auditText } from './audit-report.ts';
import { UsageError } from './arguments.ts';
import { type CommandIo, defineCommand, exitCodes } from './command.ts';
import { placed } from './placed-error.ts';
import { ProgressBar } from './progress-bar.ts';

export const audit = defineCommand({
  name: 'audit',
  summary: 'Check what a stream says of its own sampling, and name the service that lies',
  text: 'Holds thresholds against randomness, tests that randomness is uniform above them, and counts against thresholds, service by service. '
    + 'With --before, the sums of what left a sampler are held against what came to it. Exit code 1: something is wrong.',
  options: {
    before: optional('before', filePath, 'What came to the sampler, a capture file; FILE is then what left it.'),
    level: option('level', number({ min: 0, max: 0.5 }), 0.001, 'Chance that an audit of a clean stream finds something.'),
    format: option('format', oneOf('text', 'json'), 'text', 'How the result is written.'),
  },
  positionals: { label: 'FILE|DIR ...', text: 'Capture files, or directories of *.otap files.', min: 1, max: 1000 },
  examples: ['thresher audit kept.otap', 'thresher audit --before traffic.otap kept.otap'],
  run: async ({ before, level, format, positionals }, io) => {
    const files = positionals.flatMap(filesOf);
    const result = before === null ? auditFiles(files, level, io) : auditPair(before, files, level, io);
    io.stdout.write(format === 'json' ? auditJson(result) : auditText(result));
    return result.findings.some(({ severity }) => severity === 'fault') ? exitCodes.failure : exitCodes.ok;
  },
});

function filesOf(path: string): string[] {
  const entry = statSync(path, { throwIfNoEntry: false });
  if (entry === undefined) throw new UsageError([`no such file or directory: ${path}`]);
  if (!entry.isDirectory()) return [path];
  const files = readdirSync(path, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.otap')).sort().map((name) => join(path, name));
  if (files.length === 0) throw new UsageError([`${path} holds no file whose name ends in .otap`]);
  return files;
}

const itemNames = { traces: 'spans', logs: 'log records' } as const;

function auditFiles(files: readonly string[], level: number, io: CommandIo): AuditResult {
  const seam = realSeam({});
  const streams = { traces: newAudit(), logs: newAudit() };
  readAll(files, io, seam, (batch) => {
    if (batch.signal !== 'metrics') streams[batch.signal].add(batch);
  });
  const signals = (['traces', 'logs'] as const).filter((signal) => streams[signal].items > 0);
  return {
    files, level, pairs: [],
    findings: signals.flatMap((signal): Finding[] => findingsOf(streams[signal].services.values(), itemNames[signal], level)),
    audited: signals.map((signal) => ({
      signal, items: streams[signal].items, services: [...streams[signal].services.values()], duplicatesShare: streams[signal].duplicatesShare,
    })),
  };
}

function newAudit(): StreamAudit {
  return new StreamAudit(new KeyedHash(defaultHashKey));
}

function auditPair(before: string, after: readonly string[], level: number, io: CommandIo): AuditResult {
  const seam = realSeam({});
  const pairs = new Map<Exclude<Signal, 'metrics'>, StreamPair>();
  const pairOf = (signal: 'traces' | 'logs'): StreamPair => {
    const pair = pairs.get(signal) ?? new StreamPair(new KeyedHash(defaultHashKey));
    pairs.set(signal, pair);
    return pair;
  };
  readAll(after, io, seam, (batch) => {
    if (batch.signal !== 'metrics') pairOf(batch.signal).addAfter(batch);
  });
  readAll([before], io, seam, (batch) => {
    if (batch.signal !== 'metrics') pairOf(batch.signal).addBefore(batch);
  });
  const results = [...pairs].map(([signal, pair]) => ({ signal, services: pair.services }));
  return {
    files: after, level, audited: [], pairs: results,
    findings: results.flatMap(({ signal, services }) => pairFindings(services, itemNames[signal], level)),
  };
}

/** Reads capture files one after another, a batch at a time. Errors: CodedError with file and offset. */
function readAll(files: readonly string[], io: CommandIo, seam: Seam, take: (batch: OtapBatch) => void): void {
  const progress = new ProgressBar(io.stderr, seam);
  const total = files.reduce((sum, file) => sum + (statSync(file, { throwIfNoEntry: false })?.size ?? 0), 0);
  let done = 0;
  for (const file of files) {
    const reader = new CaptureReader(file);
    try {
      readOne(reader, io.signal, take, (offset) => progress.update((done + offset) / Math.max(1, total)));
    } catch (error) {
      throw placed(error, reader);
    } finally {
      done += reader.sizeBytes;
      reader.close();
    }
  }
  progress.end();
}

function readOne(reader: CaptureReader, stop: AbortSignal, take: (batch: OtapBatch) => void, onRead: (offset: number) => void): void {
  let decoder: OtapStreamDecoder | null = null;
  for (let bytes = reader.next(); bytes !== null; bytes = reader.next()) {
    if (stop.aborted) throw new CodedError('CANCELLED', 'interrupted', 'the audit was interrupted');
    decoder ??= new OtapStreamDecoder(signalOfMessage(bytes) ?? 'traces');
    take(decoder.decode(bytes));
    onRead(reader.offset);
  }
}
