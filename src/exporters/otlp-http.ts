import http from 'node:http';
import https from 'node:https';
import { messageOf } from '../base/errors.ts';
import { packageVersion } from '../base/package-paths.ts';
import type { Seam } from '../base/seam.ts';
import { withDeadline } from '../base/with-deadline.ts';
import { deflateMessage } from '../grpc/message-encoding.ts';
import type { Signal } from '../otap/payload-type.ts';
import type { OtlpEncoding } from '../otlp/encode/requests.ts';
import { isRetryableHttp, type OtlpAnswer, type OtlpTransport, retryAfterMs, unanswered, withNewCredentials } from './otlp-answer.ts';
import type { ClientAuth } from '../security/client-auth.ts';
import type { ClientTls } from '../security/client-tls.ts';
import { partialSuccessOf, partialSuccessOfJson, statusMessageOf, statusMessageOfJson } from './otlp-response.ts';

export interface OtlpHttpOptions {
  /** http or https; the signal's path, /v1/traces, is put behind its own. */
  readonly endpoint: string;
  /** Null where no endpoint is https. */
  readonly tls: ClientTls | null;
  readonly auth: ClientAuth | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly encoding: OtlpEncoding;
  readonly compression: 'gzip' | 'zstd' | 'none';
  /** Of `zstd`, 1 to 19. */
  readonly compressionLevel: number;
  readonly timeoutMs: number;
  /** Connections that are kept open. */
  readonly connectionsMax: number;
  readonly seam: Seam;
  readonly onWireBytes: (signal: Signal, bytes: number) => void;
}

interface Request {
  readonly signal: Signal;
  readonly body: Uint8Array;
  readonly authorization: string | null;
}

/** A response as far as it is read. */
interface Response {
  readonly status: number;
  readonly contentType: string;
  readonly retryAfter: string | undefined;
  readonly body: Buffer;
}

/** More of a response is not read: it says how many items were refused, and why. */
const responseBytesMax = 64 * 1024;
const userAgent = `thresher/${packageVersion()}`;
/** What writing to a connection ends with that the server had closed while it was idle. */
const closedCodes: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE']);
const contentTypes = { proto: 'application/x-protobuf', json: 'application/json' } as const;

/** OTLP over HTTP/1.1 with connections that are used again. Redirects are not followed: headers may hold secrets. */
export class OtlpHttpTransport implements OtlpTransport<Signal> {
  readonly endpoint: string;
  readonly #options: OtlpHttpOptions;
  readonly #agent: http.Agent;
  readonly #stop = new AbortController();

  constructor(options: OtlpHttpOptions) {
    this.endpoint = options.endpoint;
    this.#options = options;
    const pool = { keepAlive: true, maxSockets: options.connectionsMax };
    this.#agent = isTls(options.endpoint) ? new https.Agent({ ...pool, ...tlsOptions(options.tls) }) : new http.Agent(pool);
  }

  async send(signal: Signal, request: Uint8Array<ArrayBuffer>): Promise<OtlpAnswer> {
    const { compression, compressionLevel, timeoutMs, seam, auth } = this.#options;
    const authorization = auth?.header ?? null;
    const body = compression === 'none' ? request : await deflateMessage(compression, request, compressionLevel);
    const late = new AbortController();
    try {
      const response = await withDeadline(seam, timeoutMs, () => late.abort(), () => (
        this.#post({ signal, body, authorization }, AbortSignal.any([late.signal, this.#stop.signal]))));
      return withNewCredentials(this.#answerOf(response), auth, authorization);
    } catch (error) {
      if (late.signal.aborted) return unanswered('timeout', `no answer within ${timeoutMs} ms`);
      return unanswered(this.#stop.signal.aborted ? 'cancelled' : 'connection', messageOf(error));
    }
  }

  close(): void {
    this.#stop.abort();
    this.#agent.destroy();
  }

  /** Rejects when the connection fails; one that the server had closed while it was idle is replaced at once. */
  async #post(request: Request, abort: AbortSignal): Promise<Response> {
    let reused = false;
    const once = (): Promise<Response> => this.#exchange(request, abort, (isReused) => (reused = isReused));
    try {
      return await once();
    } catch (error) {
      if (!reused || abort.aborted || !closedCodes.has(String(Reflect.get(Object(error), 'code')))) throw error;
      return await once();
    }
  }

  #exchange({ signal, body, authorization }: Request, abort: AbortSignal, sent: (reused: boolean) => void): Promise<Response> {
    const { endpoint, onWireBytes } = this.#options;
    const { promise, resolve, reject } = Promise.withResolvers<Response>();
    const url = `${endpoint.replace(/\/+$/, '')}/v1/${signal}`;
    const options = { method: 'POST', agent: this.#agent, headers: this.#headers(body.length, authorization), signal: abort };
    const request = (isTls(endpoint) ? https : http).request(url, options, (response) => readResponse(response).then(resolve, reject));
    request.on('error', (error) => {
      sent(request.reusedSocket);
      reject(error);
    });
    request.end(body, () => onWireBytes(signal, body.length));
    return promise;
  }

  #headers(length: number, authorization: string | null): Record<string, string> {
    const { headers, encoding, compression } = this.#options;
    return {
      'user-agent': userAgent,
      ...headers,
      ...(authorization === null ? {} : { authorization }),
      'content-type': contentTypes[encoding],
      'content-length': String(length),
      ...(compression === 'none' ? {} : { 'content-encoding': compression }),
    };
  }

  #answerOf({ status, contentType, retryAfter, body }: Response): OtlpAnswer {
    const isJson = contentType.startsWith('application/json');
    const isProto = contentType.startsWith('application/x-protobuf') || contentType.startsWith('application/protobuf');
    if (status >= 200 && status < 300) return { kind: 'accepted', ...(isJson ? partialSuccessOfJson(body.toString('utf8')) : isProto ? partialSuccessOf(body) : silent) };
    const said = isJson ? statusMessageOfJson(body.toString('utf8')) : isProto ? statusMessageOf(body) : contentType.startsWith('text/plain') ? body.toString('utf8', 0, 200) : '';
    const nowMs = Number(this.#options.seam.nowUnixNano() / 1_000_000n);
    return {
      kind: 'refused',
      retryable: isRetryableHttp(status),
      reason: `http_${status}`,
      message: `${this.endpoint} answered ${status}${said.trim() === '' ? '' : `: ${said.trim()}`}`,
      retryAfterMs: retryAfterMs(retryAfter, nowMs),
    };
  }
}

const silent = { rejected: 0, message: '' } as const;

function isTls(endpoint: string): boolean {
  return endpoint.startsWith('https:');
}

function tlsOptions(tls: ClientTls | null): https.AgentOptions {
  if (tls === null) return {};
  return { secureContext: tls.secureContext, ...(tls.serverName === null ? {} : { servername: tls.serverName }) };
}

/** Rejects when the connection breaks within it. What comes beyond the bound is dropped, so that the connection can be used again. */
async function readResponse(response: http.IncomingMessage): Promise<Response> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response) {
    if (!(chunk instanceof Buffer) || length >= responseBytesMax) continue;
    chunks.push(chunk);
    length += chunk.length;
  }
  const { headers, statusCode } = response;
  return {
    status: statusCode ?? 0, contentType: (headers['content-type'] ?? '').toLowerCase(), retryAfter: headers['retry-after'],
    body: Buffer.concat(chunks).subarray(0, responseBytesMax),
  };
}
