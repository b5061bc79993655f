import { rmSync, writeFileSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { ClientAuth } from '../../../src/security/client-auth.ts';
import { metrics } from '../../../src/telemetry/declared.ts';
import { TestFiles } from '../../support/certificates.ts';
import { testTools } from './tools.ts';

const files = new TestFiles();
afterAll(() => files.remove());

describe('what a client says of itself', () => {
  // RFC 7617, section 2 and 2.1 have these two.
  test.each([
    ['Aladdin', 'open sesame', 'Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=='],
    ['test', '123\u00a3', 'Basic dGVzdDoxMjPCow=='],
  ])('basic: %s', (username, password, header) => {
    expect(new ClientAuth({ bearer: null, basic: { username, password, passwordFile: null } }, testTools()).header).toBe(header);
    const passwordFile = files.write('password', `${password}\n`);
    expect(new ClientAuth({ bearer: null, basic: { username, password: null, passwordFile } }, testTools()).header).toBe(header);
  });

  test('bearer', () => {
    const auth = new ClientAuth({ bearer: { token: 'mF_9.B5f-4.1JqM', tokenFile: null }, basic: null }, testTools());
    expect([auth.header, auth.isNewerThan('Bearer mF_9.B5f-4.1JqM')]).toEqual(['Bearer mF_9.B5f-4.1JqM', false]);
  });

  test('a token that is rotated is sent within a second, or at once where a server refused the old one', () => {
    const tools = testTools();
    const tokenFile = files.write('token', 'first\n');
    const auth = new ClientAuth({ bearer: { token: null, tokenFile }, basic: null }, tools);
    expect([auth.header, auth.isNewerThan('Bearer first')]).toEqual(['Bearer first', false]);
    writeFileSync(tokenFile, 'second-one');
    expect(auth.header).toBe('Bearer first');
    expect([auth.isNewerThan('Bearer first'), auth.header]).toEqual([true, 'Bearer second-one']);
    writeFileSync(tokenFile, 'third');
    tools.seam.advanceMs(1000);
    expect(auth.header).toBe('Bearer third');
    writeFileSync(tokenFile, 'two\r\nx-injected: 1');
    tools.seam.advanceMs(1000);
    expect(auth.header).toBe('Bearer third');
    rmSync(tokenFile);
    tools.seam.advanceMs(1000);
    expect(auth.header).toBe('Bearer third');
    expect(tools.registry.value(metrics.credentialReloads, { component: 'here', result: 'failed' })).toBe(2);
    expect(tools.logged.join('')).not.toMatch(/first|second|third|injected/);
  });

  test('a file that is not there, or empty, is told of at the start', () => {
    expect(() => new ClientAuth({ bearer: { token: null, tokenFile: '/nowhere' }, basic: null }, testTools())).toThrow(/here.auth.bearer.token_file: cannot use \/nowhere: ENOENT/);
    expect(() => new ClientAuth({ bearer: { token: null, tokenFile: files.write('none', ' \n') }, basic: null }, testTools())).toThrow('the file holds no token');
    expect(() => new ClientAuth({ bearer: null, basic: { username: 'u', password: null, passwordFile: files.write('none', '\n') } }, testTools())).toThrow('the file holds no password');
  });
});
