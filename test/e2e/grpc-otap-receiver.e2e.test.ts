import { setTimeout as sleep } from 'node:timers/promises';
import { zstdDecompressSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from 'vitest';
import { CodedError } from '../../src/base/errors.ts';
import { buildOtapClient, goIsThere, run, runToEnd } from '../support/go/otapclient/run.ts';
import { accepted, captureMessages, RecordingIntake, withReceiver } from './grpc-support.ts';

const captures = new URL('../golden/captures/', import.meta.url);
const traces = new URL('traces_zstd.otap', captures);
const encodings = ['none', 'gzip', 'zstd', ...Array.from({ length: 10 }, (_, index) => `zstdarrow${index + 1}`)];

describe.skipIf(!goIsThere)('OTAP receiver with grpc-go as the sender', () => {
  let program = '';
  const messages = captureMessages(traces);

  beforeAll(() => {
    program = buildOtapClient();
  });

  it.each(encodings)('takes a recorded stream byte for byte, compressed as %s', async (compression) => {
    const intake = new RecordingIntake();
    await withReceiver(intake, {}, async (port) => {
      const result = await runToEnd(program, ['send', '-to', `127.0.0.1:${port}`, '-compression', compression, traces.pathname]);
      expect(result).toEqual({ sent: 200, distinct: 200, statuses: { OK: 200 }, end: 'OK', message: '' });
    });
    expect(intake.received.map(({ bytes }) => bytes)).toEqual(messages);
    expect(intake).toMatchObject({ opened: 1, closed: 1 });
    expect(intake.unansweredMax).toBeLessThanOrEqual(4);
    const name = compression === 'none' ? 'identity' : compression;
    expect(new Set(intake.received.map(({ encoding }) => encoding))).toEqual(new Set([name]));
  });

  it('hands over the compressed original beside the message', async () => {
    const intake = new RecordingIntake();
    await withReceiver(intake, {}, async (port) => {
      await runToEnd(program, ['send', '-to', `127.0.0.1:${port}`, '-compression', 'zstdarrow5', traces.pathname]);
    });
    for (const { bytes, compressed } of intake.received) {
      expect(zstdDecompressSync(compressed ?? Buffer.alloc(0))).toEqual(bytes);
    }
    const wireBytes = intake.received.reduce((sum, { compressed }) => sum + (compressed?.length ?? 0), 0);
    expect(intake.events.reduce((sum, event) => sum + event.wireBytes, 0)).toBe(wireBytes);
  });

  it.each(['traces', 'logs', 'metrics'])('serves %s on its own service', async (signal) => {
    const intake = new RecordingIntake();
    await withReceiver(intake, {}, async (port) => {
      const file = new URL(`${signal}_zstd.otap`, captures).pathname;
      const result = await runToEnd(program, ['send', '-to', `127.0.0.1:${port}`, '-signal', signal, file]);
      expect(result).toMatchObject({ end: 'OK' });
    });
    expect(new Set(intake.events.map((event) => event.signal))).toEqual(new Set([signal]));
  });

  it('goes on after a batch that was refused for now, and answers each batch in its own time', async () => {
    const intake = new RecordingIntake();
    intake.answer = async (batchId) => {
      await sleep(Number(batchId % 4n) * 3);
      if (batchId % 10n !== 0n) return accepted(batchId);
      return { batchId, ack: { status: 'RESOURCE_EXHAUSTED', message: 'full', retryAfterMs: 50 }, streamBroken: false };
    };
    await withReceiver(intake, {}, async (port) => {
      const result = await runToEnd(program, ['send', '-to', `127.0.0.1:${port}`, traces.pathname]);
      expect(result).toMatchObject({ sent: 200, distinct: 200, statuses: { OK: 180, UNAVAILABLE: 20 }, end: 'OK' });
    });
    expect(intake.unansweredMax).toBe(4);
    expect(intake.events.filter((event) => event.outcome === 'resource_exhausted')).toHaveLength(20);
  });

  it('ends a stream whose state is broken after the batch has its status; another stream is unharmed', async () => {
    const intake = new RecordingIntake();
    intake.answer = async (batchId, stream) => {
      await sleep(1);
      if (stream !== 0 || batchId !== 20n) return accepted(batchId);
      return { batchId, ack: { status: 'INVALID_ARGUMENT', message: 'dictionary index out of range', retryAfterMs: null }, streamBroken: true };
    };
    await withReceiver(intake, {}, async (port) => {
      const send = ['send', '-to', `127.0.0.1:${port}`, traces.pathname];
      const broken = runToEnd(program, send);
      while (intake.opened === 0) await sleep(1);
      const other = runToEnd(program, send);
      const result = await broken;
      expect(result).toMatchObject({ end: 'InvalidArgument', message: 'dictionary index out of range' });
      expect(result['statuses']).toMatchObject({ INVALID_ARGUMENT: 1 });
      expect((await other)['statuses']).toEqual({ OK: 200 });
    });
    expect(intake.closed).toBe(2);
  });

  it('ends the stream with the error when a message has no batch id to answer to', async () => {
    const intake = new RecordingIntake();
    intake.answer = () => {
      throw new CodedError('INVALID_ARGUMENT', 'malformed_protobuf', 'malformed protobuf at byte 3');
    };
    await withReceiver(intake, {}, async (port) => {
      const result = await runToEnd(program, ['send', '-to', `127.0.0.1:${port}`, traces.pathname]);
      expect(result).toMatchObject({ end: 'InvalidArgument', message: 'malformed protobuf at byte 3', statuses: {} });
    });
    expect(intake.events[0].outcome).toBe('malformed_protobuf');
  });

  it('does not tell a sender what broke inside', async () => {
    const intake = new RecordingIntake();
    intake.answer = () => {
      throw new TypeError('secret of the implementation');
    };
    await withReceiver(intake, {}, async (port) => {
      const result = await runToEnd(program, ['send', '-to', `127.0.0.1:${port}`, traces.pathname]);
      expect(result).toMatchObject({ end: 'Internal', message: 'internal error' });
    });
  });

  it.each(['none', 'zstdarrow5', 'gzip'])('refuses a message over the limit (%s) and says so', async (compression) => {
    const intake = new RecordingIntake();
    const limit = 20_000;
    const first = messages.findIndex((message) => message.length > limit);
    await withReceiver(intake, { messageBytesMax: limit }, async (port) => {
      const result = await runToEnd(program, ['send', '-to', `127.0.0.1:${port}`, '-compression', compression, '-window', '1', traces.pathname]);
      expect(result).toMatchObject({ end: 'ResourceExhausted', message: expect.stringContaining('20000'), ...(first > 0 ? { statuses: { OK: first } } : {}) });
    });
    expect(intake.received).toHaveLength(first);
  });

  it('holds a sender back when the intake does not answer', async () => {
    const intake = new RecordingIntake();
    let release = (): void => {};
    const gate = new Promise<void>((resolve) => (release = resolve));
    intake.answer = async (batchId) => {
      await gate;
      return accepted(batchId);
    };
    await withReceiver(intake, {}, async (port) => {
      const result = runToEnd(program, ['send', '-to', `127.0.0.1:${port}`, '-window', '200', traces.pathname]);
      while (intake.received.length < 4) await sleep(5);
      await sleep(200);
      expect(intake.received).toHaveLength(4);
      release();
      expect((await result)['statuses']).toEqual({ OK: 200 });
    });
  });

  it('drains: answers what it has read, sends the rest away as UNAVAILABLE', async () => {
    const intake = new RecordingIntake();
    intake.answer = async (batchId) => {
      await sleep(5);
      return accepted(batchId);
    };
    await withReceiver(intake, {}, async (port, server) => {
      const sender = run(program, ['send', '-to', `127.0.0.1:${port}`, traces.pathname]);
      while (intake.received.length < 20) await sleep(1);
      const start = performance.now();
      await server.drain(5000);
      expect(performance.now() - start).toBeLessThan(2000);
      await sender.exited;
      const result = sender.lines.at(-1);
      expect(result).toMatchObject({ end: 'Unavailable', statuses: { OK: intake.received.length } });
      expect(intake.received.length).toBeLessThan(200);
    });
    expect(intake).toMatchObject({ closed: 1, unanswered: 0 });
  });

  it('closes what is left when the drain takes too long', async () => {
    const intake = new RecordingIntake();
    intake.answer = () => new Promise(() => {});
    await withReceiver(intake, {}, async (port, server) => {
      const sender = run(program, ['send', '-to', `127.0.0.1:${port}`, traces.pathname]);
      while (intake.received.length < 4) await sleep(1);
      const start = performance.now();
      await server.drain(300);
      expect(performance.now() - start).toBeLessThan(2000);
      await sender.exited;
      expect(sender.lines.at(-1)).toMatchObject({ end: 'Unavailable', statuses: {} });
    });
  });
});
