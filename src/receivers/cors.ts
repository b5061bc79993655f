import type { IncomingMessage } from 'node:http';
import type { CorsConfig } from '../config/load.ts';
import { HttpRefusal } from './http-answer.ts';

type Headers = Readonly<Record<string, string>>;

/** What browsers' pages may send without being named (Fetch Standard, "CORS-safelisted request-header"), and what OTLP needs. */
const headersAlways = ['accept', 'accept-language', 'content-language', 'content-type', 'content-encoding'];

/** Answers browsers that ask whether a page of another origin may send (Fetch Standard, "CORS protocol"). */
export class Cors {
  readonly #origins: RegExp;
  readonly #isOpen: boolean;
  readonly #allowed: ReadonlySet<string>;
  readonly #allowsAll: boolean;
  readonly #maxAgeSeconds: string;

  constructor({ allowedOrigins, allowedHeaders, maxAgeMs }: CorsConfig) {
    this.#origins = new RegExp(`^(?:${allowedOrigins.map(patternOf).join('|')})$`, 'i');
    this.#isOpen = allowedOrigins.includes('*');
    this.#allowed = new Set([...headersAlways, ...allowedHeaders.map((name) => name.toLowerCase())]);
    this.#allowsAll = allowedHeaders.includes('*');
    this.#maxAgeSeconds = String(Math.floor(maxAgeMs / 1000));
  }

  /** Headers of an answer to a page of another origin; null where no page asks. */
  answerHeaders({ headers: { origin } }: IncomingMessage): Headers | null {
    if (origin === undefined) return null;
    return this.#origins.test(origin) ? { ...this.#originHeaders(origin), 'access-control-expose-headers': 'retry-after' } : { vary: 'origin' };
  }

  /** Headers of the answer to a preflight. Throws 403 / origin_not_allowed. */
  preflightHeaders({ headers }: IncomingMessage): Headers {
    const { origin = '' } = headers;
    if (!this.#origins.test(origin)) {
      throw new HttpRefusal(403, 'PERMISSION_DENIED', 'origin_not_allowed', `pages of ${origin.slice(0, 200)} may not send here; see cors.allowed_origins`, { vary: 'origin' });
    }
    return {
      ...this.#originHeaders(origin),
      'access-control-allow-methods': 'POST',
      'access-control-allow-headers': this.#allowedOf(headers['access-control-request-headers']),
      'access-control-max-age': this.#maxAgeSeconds,
      vary: 'origin, access-control-request-headers',
    };
  }

  /** Credentials only for origins that are named: any page at all must not send with what a browser knows of its user. */
  #originHeaders(origin: string): Headers {
    return { 'access-control-allow-origin': origin, ...(this.#isOpen ? {} : { 'access-control-allow-credentials': 'true' }), vary: 'origin' };
  }

  #allowedOf(requested: string | undefined): string {
    const names = (requested ?? '').toLowerCase().split(',').map((name) => name.trim()).filter((name) => /^[!#$%&'*+.^_`|~\w-]{1,100}$/.test(name));
    return names.filter((name) => this.#allowsAll || this.#allowed.has(name)).join(', ');
  }
}

/** True for the question that a browser asks before it lets a page send. */
export function isPreflight({ method, headers }: IncomingMessage): boolean {
  return method === 'OPTIONS' && headers.origin !== undefined && headers['access-control-request-method'] !== undefined;
}

function patternOf(origin: string): string {
  return origin.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&')).join('.*');
}
