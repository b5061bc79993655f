import type { ClientAuthConfig } from '../config/load.ts';
import type { ChangingFiles } from './changing-files.ts';
import { openCredentialFiles } from './credential-files.ts';
import type { SecurityTools } from './tools.ts';

/** The `authorization` header of one exporter. Secrets in files are read again when these change. */
export class ClientAuth {
  readonly #files: ChangingFiles<string> | null;
  readonly #fixed: string;

  /** Throws CodedError `bad_credentials` when a file cannot be used. */
  constructor({ bearer, basic }: ClientAuthConfig, tools: SecurityTools) {
    const { path, option, secret, headerOf } = bearer !== null
      ? { path: bearer.tokenFile, option: 'auth.bearer.token_file', secret: bearer.token, headerOf: bearerHeader }
      : { path: basic?.passwordFile ?? null, option: 'auth.basic.password_file', secret: basic?.password ?? null, headerOf: (password: string) => basicHeader(basic?.username ?? '', password) };
    this.#files = path === null ? null : openCredentialFiles(tools, { option, paths: [path], read: ([content]) => headerOf(content.toString('utf8').replace(/\r?\n$/, '')) });
    this.#fixed = secret === null ? '' : headerOf(secret);
  }

  /** What to send now. */
  get header(): string {
    return this.#files?.value ?? this.#fixed;
  }

  /** Whether there is something else to send than `header`, which a server refused; looks at the file at once. */
  isNewerThan(header: string): boolean {
    this.lookNow();
    return this.header !== header;
  }

  /** Looks at the file at once, since a server has refused what it said. */
  lookNow(): void {
    this.#files?.look();
  }
}

/** RFC 6750, section 2.1. Throws, without the token, where it cannot be one. */
function bearerHeader(token: string): string {
  const trimmed = token.trim();
  if (!/^[!-~]+$/.test(trimmed)) throw new Error(trimmed === '' ? 'the file holds no token' : 'the token holds blanks, line breaks or characters outside ASCII');
  return `Bearer ${trimmed}`;
}

/** RFC 7617: UTF-8, as most servers read it. */
function basicHeader(username: string, password: string): string {
  if (password === '') throw new Error('the file holds no password');
  return `Basic ${Buffer.from(`${username}:${password}`, 'utf8').toString('base64')}`;
}
