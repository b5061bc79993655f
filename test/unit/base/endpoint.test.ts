import { expect, test } from 'vitest';
import { formatEndpoint, parseEndpoint } from '../../../src/base/endpoint.ts';

test.each([
  ['127.0.0.1:4317', '127.0.0.1', 4317], ['localhost:0', 'localhost', 0], ['[::1]:65535', '::1', 65_535], ['my-host.example.com:1', 'my-host.example.com', 1],
  ['[fe80::1%eth0]:80', 'fe80::1%eth0', 80],
])('%s', (text, host, port) => {
  expect(parseEndpoint(text)).toEqual({ host, port });
  expect(formatEndpoint({ host, port })).toBe(text);
});

test.each(['', ':4317', 'x', 'x:', 'x:65536', 'x:-1', '::1:80', 'http://x:80', 'a b:80', 'x:80/', '[x]:80:80'])('refuses "%s"', (text) => {
  expect(parseEndpoint(text)).toBe(null);
});
