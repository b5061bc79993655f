import { describe, expect, test } from 'vitest';
import { seededSeam } from '../../../src/base/seam.ts';
import { createLogger, type LogOptions } from '../../../src/telemetry/log.ts';

function recorded(options: Partial<LogOptions> = {}) {
  const seam = seededSeam(1);
  const lines: string[] = [];
  const suppressed: string[] = [];
  const log = createLogger({
    seam, level: 'info', format: 'json', write: (line) => lines.push(line), onSuppressed: (reason) => suppressed.push(reason), ...options });
  return { seam, log, lines, suppressed, entries: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

describe('logger', () => {
  test('writes one JSON object a line, with time from the seam', () => {
    const { log, lines, entries } = recorded();
    log.child({ receiver: 'otlp' }).warn('bad_batch', 'refused\na batch', { bytes: 12n, cause: new Error('outer', { cause: new Error('inner') }), none: undefined });
    expect(lines[0].match(/\n/g)).toHaveLength(1);
    expect(entries()).toEqual([{
      time: '2023-11-14T22:13:20.000Z', level: 'warn', reason: 'bad_batch', message: 'refused\na batch', receiver: 'otlp', bytes: '12', cause: 'outer: inner' }]);
  });

  test('fields hide nothing of the head; what cannot be printed is said so', () => {
    const { log, entries } = recorded();
    const cyclic: Record<string, unknown> = {};
    cyclic['self'] = cyclic;
    log.info('start', 'up', { level: 'fake', message: 'fake', cyclic, long: 'x'.repeat(10_000) });
    expect(entries()[0]).toMatchObject({ level: 'info', message: 'up', cyclic: '[not printable]' });
    expect(String(entries()[0]['long']).length).toBeLessThan(4100);
  });

  test('leaves out lines below its level', () => {
    const { log, lines } = recorded({ level: 'warn' });
    log.debug('a', 'a');
    log.info('a', 'a');
    log.warn('a', 'a');
    log.error('a', 'a');
    expect(lines).toHaveLength(2);
  });

  test('limits lines per reason and tells at the interval\'s end how many it held back', () => {
    const { log, seam, suppressed, entries } = recorded({ linesMax: 2, intervalMs: 1000 });
    for (let i = 0; i < 125; i++) log.warn('noisy', `line ${i}`);
    log.warn('quiet', 'heard');
    expect(entries().map(({ message }) => message)).toEqual(['line 0', 'line 1', 'heard']);
    seam.advanceMs(1000);
    log.warn('quiet', 'heard again');
    expect(entries().slice(3)).toMatchObject([
      { reason: 'noisy', level: 'warn', suppressed: 123, message: 'suppressed 123 more lines of this reason' }, { message: 'heard again' }]);
    expect(suppressed).toHaveLength(123);
    log.warn('noisy', 'anew');
    expect(entries()).toHaveLength(6);
  });

  test('flush tells of suppressed lines without waiting', () => {
    const { log, entries } = recorded({ linesMax: 1 });
    log.warn('noisy', 'one');
    log.warn('noisy', 'two');
    log.flush();
    log.flush();
    expect(entries().map(({ suppressed }) => suppressed)).toEqual([undefined, 1]);
  });

  test('text for people escapes control characters that input might bring', () => {
    const { log, lines } = recorded({ format: 'text', colour: true });
    log.error('x', 'peer said \u001b[2J', { key: 'a\nb', n: 3 });
    expect(lines).toEqual(['22:13:20.000 \u001b[31mERROR\u001b[0m peer said \\u001b[2J  key=a\\nb  n=3\n']);
  });
});
