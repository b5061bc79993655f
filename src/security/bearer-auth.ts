import { hash, timingSafeEqual } from 'node:crypto';
import { CodedError } from '../base/errors.ts';
import type { ServerAuthConfig } from '../config/load.ts';
import { metrics } from '../telemetry/declared.ts';
import type { ChangingFiles } from './changing-files.ts';
import { openCredentialFiles } from './credential-files.ts';
import type { SecurityTools } from './tools.ts';

/** A request without a valid token: UNAUTHENTICATED, or 401 with `challenge` as `www-authenticate`. */
export class UnauthenticatedError extends CodedError {
  readonly challenge: string;

  constructor(reason: 'missing_token' | 'wrong_token', message: string) {
    super('UNAUTHENTICATED', reason, message);
    this.name = 'UnauthenticatedError';
    // RFC 6750, section 3.1: who brought no token is not told of an error.
    this.challenge = `Bearer realm="thresher"${reason === 'wrong_token' ? ', error="invalid_token"' : ''}`;
  }
}

const tokensMax = 1000;

/** Bearer tokens of one listener (RFC 6750). Only digests are held and compared, all of them each time, in constant time. */
export class BearerAuth {
  readonly #tools: SecurityTools;
  readonly #written: readonly Buffer[];
  readonly #file: ChangingFiles<readonly Buffer[]> | null;

  /** Throws CodedError `bad_credentials` when the file cannot be used. */
  constructor({ bearer }: ServerAuthConfig, tools: SecurityTools) {
    this.#tools = tools;
    this.#written = bearer.tokens.map(digestOf);
    this.#file = bearer.tokenFile === null ? null : openCredentialFiles<readonly Buffer[]>(tools, {
      option: 'auth.bearer.token_file', paths: [bearer.tokenFile], read: ([content]) => tokensOf(content.toString('utf8')).map(digestOf) });
  }

  /** Throws UnauthenticatedError unless the `authorization` header holds one of the tokens; counts and logs that. */
  check(authorization: string | undefined, peer: string): void {
    const token = /^bearer +([!-~]+) *$/i.exec(authorization ?? '')?.[1];
    if (token === undefined) this.#refuse('missing', peer, new UnauthenticatedError('missing_token', 'this server asks for "authorization: Bearer TOKEN"'));
    const digest = digestOf(token);
    let isKnown = false;
    for (const known of this.#written) isKnown = timingSafeEqual(known, digest) || isKnown;
    for (const known of this.#file?.value ?? []) isKnown = timingSafeEqual(known, digest) || isKnown;
    if (!isKnown) this.#refuse('wrong', peer, new UnauthenticatedError('wrong_token', 'the bearer token is not one that is accepted here'));
  }

  #refuse(reason: 'missing' | 'wrong', peer: string, error: UnauthenticatedError): never {
    const { log, registry, name } = this.#tools;
    registry.counter(metrics.unauthenticated).add(1, { listener: name, reason });
    log.warn('unauthenticated', `${name}: a request ${reason === 'missing' ? 'without a token' : 'with a wrong token'} was refused`, { listener: name, token: reason, peer });
    throw error;
  }
}

/** One token a line; empty lines are none. */
function tokensOf(text: string): readonly string[] {
  const tokens = text.split(/\r?\n/).map((line) => line.trim()).filter((line) => line !== '');
  if (tokens.length === 0) throw new Error('the file holds no token');
  if (tokens.length > tokensMax) throw new Error(`the file holds ${tokens.length} tokens, and at most ${tokensMax} are taken`);
  const bad = tokens.findIndex((token) => !/^[!-~]+$/.test(token));
  if (bad >= 0) throw new Error(`token ${bad + 1} of the file holds blanks or characters outside ASCII`);
  return tokens;
}

function digestOf(token: string): Buffer {
  return hash('sha256', token, 'buffer');
}
