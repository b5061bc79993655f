import { writeFileSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { BearerAuth, UnauthenticatedError } from '../../../src/security/bearer-auth.ts';
import { metrics } from '../../../src/telemetry/declared.ts';
import { TestFiles } from '../../support/certificates.ts';
import { testTools } from './tools.ts';

const files = new TestFiles();
afterAll(() => files.remove());

/** What a request with this header is told, or `in`. */
function answer(auth: BearerAuth, header: string | undefined): string {
  try {
    auth.check(header, '10.0.0.1:5');
    return 'in';
  } catch (error) {
    if (!(error instanceof UnauthenticatedError)) throw error;
    return error.challenge;
  }
}

const nothing = 'Bearer realm="thresher"';
const invalid = 'Bearer realm="thresher", error="invalid_token"';

describe('bearer tokens', () => {
  const tools = testTools();
  const auth = new BearerAuth({ bearer: { tokens: ['old.token', 'new-token/+=~'], tokenFile: null } }, tools);

  // RFC 9110, section 11.1: the scheme in any case, one space or more.
  test.each(['Bearer old.token', 'bearer new-token/+=~', 'BEARER   old.token', 'Bearer old.token '])('any of them lets in: "%s"', (header) => {
    expect(answer(auth, header)).toBe('in');
  });

  test.each([undefined, '', 'Bearer', 'Bearer ', 'old.token', 'Basic b2xkLnRva2Vu', 'Bearer old.token x', 'Bearer old.token, Bearer new-token/+=~'])('a header that has none: "%s"', (header) => {
    expect(answer(auth, header)).toBe(nothing);
  });

  test.each(['Bearer old.toke', 'Bearer old.token1', 'Bearer OLD.TOKEN', 'Bearer x', `Bearer ${'x'.repeat(16_000)}`])('another one', (header) => {
    expect(answer(auth, header)).toBe(invalid);
  });

  test('who is refused is counted and logged, by whom and not with what', () => {
    expect([tools.registry.value(metrics.unauthenticated, { listener: 'here', reason: 'missing' }), tools.registry.value(metrics.unauthenticated, { listener: 'here', reason: 'wrong' })]).toEqual([8, 5]);
    const text = tools.logged.join('');
    expect(text).toContain('"peer":"10.0.0.1:5"');
    expect(text).not.toMatch(/old\.tok|new-token|xxxx/i);
  });
});

describe('a token file', () => {
  test('has a token on each line, and is read again when it changes', () => {
    const tools = testTools();
    const tokenFile = files.write('tokens', 'one\r\n\n  two  \n');
    const auth = new BearerAuth({ bearer: { tokens: ['fixed'], tokenFile }, }, tools);
    const ins = (): string => ['fixed', 'one', 'two', 'three'].filter((token) => answer(auth, `Bearer ${token}`) === 'in').join();
    expect(ins()).toBe('fixed,one,two');
    writeFileSync(tokenFile, 'two\nthree');
    expect(ins()).toBe('fixed,one,two');
    tools.seam.advanceMs(1000);
    expect(ins()).toBe('fixed,two,three');
    for (const bad of ['', '\n\n', 'has blanks in it', 'caf\u00e9']) {
      writeFileSync(tokenFile, bad);
      tools.seam.advanceMs(1000);
      expect(ins()).toBe('fixed,two,three');
    }
    expect(tools.registry.value(metrics.credentialReloads, { component: 'here', result: 'loaded' })).toBe(1);
    expect(tools.registry.value(metrics.credentialReloads, { component: 'here', result: 'failed' })).toBe(4);
    expect(tools.logged.join('')).not.toMatch(/three|blanks in|caf/);
  });

  test('without a token is refused at the start', () => {
    const tools = testTools();
    expect(() => new BearerAuth({ bearer: { tokens: [], tokenFile: files.write('empty', '\n') } }, tools)).toThrow(/here.auth.bearer.token_file: cannot use .*empty: the file holds no token/);
    expect(() => new BearerAuth({ bearer: { tokens: [], tokenFile: '/nowhere' } }, tools)).toThrow(/ENOENT/);
  });
});
