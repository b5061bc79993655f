import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { CaptureReader, CaptureWriter, signalOfMessage } from '../../../src/otap/capture-file.ts';
import { OtapFileExporter, pathOfSignal } from '../../../src/exporters/otap-file.ts';
import { captures, readCapture } from '../../support/captures.ts';
import { outputOf, spansOf } from './synthetic.ts';

const directory = mkdtempSync(join(tmpdir(), 'capture-file-'));
afterAll(() => rmSync(directory, { recursive: true }));

const path = (name: string): string => join(directory, name);

function write(name: string, messages: readonly Uint8Array[]): string {
  const writer = new CaptureWriter(path(name));
  for (const message of messages) writer.write(message);
  writer.close();
  expect(readFileSync(path(name)).length).toBe(writer.bytesWritten);
  return path(name);
}

function readAll(file: string, messageBytesMax?: number): Uint8Array[] {
  const reader = new CaptureReader(file, messageBytesMax);
  const messages: Uint8Array[] = [];
  try {
    for (let message = reader.next(); message !== null; message = reader.next()) messages.push(message);
  } finally {
    reader.close();
  }
  expect(reader.offset).toBe(reader.sizeBytes);
  return messages;
}

const filled = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (i * 31 + length) & 255);

describe('a capture file', () => {
  test('gives back what was written, whatever the sizes: around the length prefix and the chunk that is read at once', () => {
    const sizes = [0, 1, 127, 128, 16_383, 16_384, 2 ** 20 - 4, 2 ** 20 - 3, 2 ** 20, 0, 3_000_001, 5, 2 ** 21 - 3, 7];
    const messages = sizes.map(filled);
    const read = readAll(write('sizes', messages));
    expect(read.map(({ length }) => length)).toEqual(sizes);
    read.forEach((message, index) => expect(Buffer.compare(message, messages[index])).toBe(0));
    expect(readAll(write('none', []))).toEqual([]);
  });

  test('messages stay as they are while reading goes on', () => {
    const reader = new CaptureReader(write('own', [filled(10), filled(2 ** 20), filled(10)]));
    const first = reader.next();
    reader.next();
    reader.next();
    reader.close();
    expect(first).toEqual(filled(10));
  });

  test('that is cut off, or says nonsense, is refused with the place', () => {
    const whole = write('whole', [filled(100), filled(1000)]);
    for (const length of [1 + 100 + 1, 1 + 100 + 2, 1 + 100 + 2 + 999]) {
      writeFileSync(path('cut'), readFileSync(whole));
      truncateSync(path('cut'), length);
      expect(() => readAll(path('cut'))).toThrow(/cut, byte 101: (the file ends within a message|the length of a message is cut off or malformed)/);
    }
    writeFileSync(path('nonsense'), Buffer.alloc(20, 0xff));
    expect(() => readAll(path('nonsense'))).toThrow(/byte 0: the length of a message is cut off or malformed/);
    expect(() => readAll(whole, 999)).toThrow(/byte 101: a message of 1000 bytes, the limit is 999/);
    writeFileSync(path('huge'), Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x07));
    expect(() => readAll(path('huge'))).toThrow(/a message of \d+ bytes, the limit is 268435456/);
  });

  test('that is not there, or a directory, is said so', () => {
    expect(() => new CaptureReader(path('absent'))).toThrow(/absent: no such file/);
    expect(() => new CaptureReader(directory)).toThrow(/is a directory/);
  });

  test('says the signal of its first message', () => {
    for (const { name, signal } of captures) expect([name, signalOfMessage(readCapture(name)[0])]).toEqual([name, signal]);
    expect(signalOfMessage(new Uint8Array(0))).toBeNull();
  });
});

describe('the exporter of capture files', () => {
  test('replaces a file at once, so that nothing old stays when nothing is kept', async () => {
    writeFileSync(path('old.otap'), 'old');
    const exporter = new OtapFileExporter({ name: 'f', path: path('old.otap'), isSingle: true, encode: { bodyCompression: 'none', zstdLevel: 1 }, onExported: () => undefined });
    await exporter.drain();
    expect(readFileSync(path('old.otap')).length).toBe(0);
  });

  test('a file for each signal', async () => {
    const seen: string[] = [];
    const exporter = new OtapFileExporter({ name: 'f', path: path('all.otap'), isSingle: false, encode: { bodyCompression: 'none', zstdLevel: 1 }, onExported: (signal, items) => seen.push(`${signal} ${items}`) });
    await exporter.push(outputOf([{ trace: 1, startMs: 1 }]));
    await exporter.push(outputOf([{ trace: 1, startMs: 1 }, { trace: 2, startMs: 1 }]));
    await exporter.drain();
    expect(readAll(path('all.traces.otap'))).toHaveLength(2);
    expect(seen).toEqual(['traces 1', 'traces 2']);
    expect([pathOfSignal('a/{signal}/b', 'logs'), pathOfSignal('x.otap', 'logs'), pathOfSignal('x', 'logs')]).toEqual(['a/logs/b', 'x.logs.otap', 'x.logs']);
  });

  test('a file that has come to its size is followed by another, each a stream by itself, and none replaces another', async () => {
    const exporter = new OtapFileExporter({
      name: 'f', path: path('rotated-{time}.otap'), isSingle: false, encode: { bodyCompression: 'none', zstdLevel: 1 }, onExported: () => undefined, bytesMax: 3000, nowUnixNano: () => 1_700_000_000_123_000_000n,
    });
    for (let trace = 0; trace < 12; trace++) await exporter.push(outputOf([{ trace, startMs: 1, name: `span ${trace}` }]));
    await exporter.drain();
    const files = readdirSync(directory).filter((name) => name.startsWith('rotated-')).sort();
    expect(files.length).toBeGreaterThan(2);
    expect(files[0]).toBe('rotated-20231114T221320.123Z.traces.otap');
    expect(files.flatMap((name) => spansOf(readAll(path(name)))).map(({ name }) => name)).toEqual(Array.from({ length: 12 }, (_, trace) => `span ${trace}`));
    for (const name of files.slice(0, -1)) expect(readFileSync(path(name)).length).toBeGreaterThanOrEqual(3000);
  });

  test('a file that could not be written to its end takes nothing more, but where the next one has another name', async () => {
    for (const [name, outcomes] of [['full.otap', ['EBADF', 'ends where', 'ends where']], ['full-{time}.otap', ['EBADF', 'taken', 'taken']]] as const) {
      const exporter = new OtapFileExporter({ name: 'f', path: path(name), isSingle: false, encode: { bodyCompression: 'none', zstdLevel: 1 }, onExported: () => undefined, nowUnixNano: () => 5n });
      await exporter.push(outputOf([{ trace: 1, startMs: 1 }]));
      const broken = vi.spyOn(CaptureWriter.prototype, 'write').mockImplementationOnce(() => { throw new Error('EBADF'); });
      const said = [];
      for (let i = 0; i < 3; i++) said.push(await exporter.push(outputOf([{ trace: 2, startMs: 1 }])).then(() => 'taken', (error: unknown) => String(error)));
      broken.mockRestore();
      said.forEach((text, index) => expect(text).toContain(outcomes[index]));
      await exporter.drain();
    }
  });
});
