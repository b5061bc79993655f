import http from 'node:http';
import https from 'node:https';
import { BufferPool } from '../base/buffer-pool.ts';
import type { ByteBudget, ByteShare } from '../base/byte-budget.ts';
import { CodedError } from '../base/errors.ts';
import { boundConnections, listenOn } from '../base/listening.ts';
import { peerOf } from '../base/peer.ts';
import type { Seam } from '../base/seam.ts';
import { withDeadline } from '../base/with-deadline.ts';
import type { CorsConfig } from '../config/load.ts';
import { otlpJsonToProtobuf } from '../otlp/json/otlp-json-to-protobuf.ts';
import type { OpenOtlpIntake, TelemetryMessage } from '../pipeline/intake-port.ts';
import { UnauthenticatedError } from '../security/bearer-auth.ts';
import type { OpenListenerSecurity } from '../security/listener-security.ts';
import type { Logger } from '../telemetry/log.ts';
import { Cors, isPreflight } from './cors.ts';
import { answerRefused, answerTaken } from './http-answer.ts';
import { checkLength, discardRest, readBody } from './http-body.ts';
import { HttpConnections } from './http-connections.ts';
import { ContentDecoder } from './http-content.ts';
import { encodingOf, type ExportHead, readHead, signalOf } from './http-head.ts';
import { drainingError, notTaken, type OnRefused } from './refusals.ts';

export interface OtlpHttpLimits {
  /** A body as it comes. */
  readonly bodyBytesMax: number;
  /** A body after decompression. */
  readonly inflatedBytesMax: number;
  /** From the first byte of a request to its last. */
  readonly readTimeoutMs: number;
  /** Default 1000. */
  readonly connectionsMax?: number;
}

export interface OtlpHttpOptions {
  /** Called for each request. */
  readonly open: OpenOtlpIntake;
  readonly limits: OtlpHttpLimits;
  readonly cors: CorsConfig | null;
  readonly security: OpenListenerSecurity;
  /** Requests that are not answered. */
  readonly budget: ByteBudget;
  readonly onRefused: OnRefused;
  readonly seam: Seam;
  readonly log: Logger;
}

/** What a request costs beside its body, for the budget. */
const requestBytes = 4096;
const idleMs = 75_000;
const connectionsMaxDefault = 1000;
const headersTimeoutMs = 10_000;
/** Memory for bodies that is kept while nobody needs it. */
const pooledBytesMax = 16 * 1024 * 1024;

/**
 * OTLP over HTTP/1.1: POST to /v1/traces, /v1/logs and /v1/metrics (OTLP specification, "OTLP/HTTP"; docs/adr/0008-otlp-http.md).
 * Life: `listen`, then `drain`.
 */
export class OtlpHttpServer {
  readonly #options: OtlpHttpOptions;
  readonly #cors: Cors | null;
  readonly #content: ContentDecoder;
  readonly #server: http.Server | https.Server;
  readonly #connections: HttpConnections;
  readonly #dropHandshakes: () => void;
  readonly #pool = new BufferPool(pooledBytesMax);
  #isDraining = false;

  constructor(options: OtlpHttpOptions) {
    const { limits, cors, security: { tls }, onRefused } = options;
    this.#options = options;
    this.#cors = cors === null ? null : new Cors(cors);
    this.#content = new ContentDecoder(limits.inflatedBytesMax);
    const serverOptions = httpOptions(limits);
    const server = tls === null ? http.createServer(serverOptions) : https.createServer({ ...serverOptions, ...tls.options });
    this.#server = server;
    this.#dropHandshakes = tls === null || !(server instanceof https.Server) ? () => {} : tls.guard(server);
    boundConnections(server, limits.connectionsMax ?? connectionsMaxDefault, onRefused);
    // A client may close its side when it has sent its request, and still be answered.
    Reflect.set(server, 'httpAllowHalfOpen', true);
    this.#connections = new HttpConnections(server, onRefused);
    const onRequest = (request: http.IncomingMessage, response: http.ServerResponse): void => void this.#serve(request, response);
    server.on('request', onRequest);
    server.on('checkContinue', onRequest);
    server.on('error', (error: Error) => options.log.warn('otlp_http_server_error', error.message));
  }

  /** Starts to listen; gives the port. Rejects when the address cannot be had. */
  listen(host: string, port: number): Promise<number> {
    return listenOn(this.#server, host, port);
  }

  /** Takes nothing more in: requests that still come are answered with 503. Those under way get `deadlineMs`. Resolves when every connection is closed. */
  async drain(deadlineMs: number): Promise<void> {
    this.#isDraining = true;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#dropHandshakes();
    this.#connections.closeIdle();
    await withDeadline(this.#options.seam, deadlineMs, () => this.#server.closeAllConnections(), () => closed);
  }

  async #serve(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const { budget } = this.#options;
    const share = budget.open();
    const lent: Buffer[] = [];
    const headers = this.#answerHeaders(request);
    this.#connections.begin(request.socket);
    response.once('close', () => this.#connections.end(request.socket, this.#isDraining));
    try {
      share.add(requestBytes);
      if (this.#cors !== null && isPreflight(request)) {
        signalOf(request);
        response.writeHead(204, this.#cors.preflightHeaders(request)).end();
        return;
      }
      const head = this.#admit(request);
      const intake = this.#options.open(head.signal);
      if (request.headers.expect !== undefined) response.writeContinue();
      const reading = readBody(request, this.#options.limits.bodyBytesMax, share, (length) => this.#lend(length, lent));
      this.#connections.reading(request.socket, reading);
      const body = await reading.body;
      this.#connections.reading(request.socket, null);
      const message = await this.#messageOf(body, head, share);
      const ack = await intake.accept(message);
      if (ack.status === 'OK') answerTaken(response, head.encoding, headers);
      else answerRefused(response, head.encoding, notTaken(ack), headers);
    } catch (error) {
      this.#refuse(request, response, headers, error);
    } finally {
      share.release();
      for (const buffer of lent) this.#pool.give(buffer);
    }
  }

  /** Memory that is used again when its request is answered: the intake has copied by then what it keeps. */
  #lend(length: number, lent: Buffer[]): Buffer {
    const buffer = this.#pool.take(length);
    lent.push(buffer);
    return buffer;
  }

  /** Checks what can be known before the body. */
  #admit(request: http.IncomingMessage): ExportHead {
    this.#options.security.auth?.check(request.headers.authorization, peerOf(request.socket));
    const head = readHead(request);
    if (this.#isDraining) throw drainingError();
    checkLength(request, this.#options.limits.bodyBytesMax);
    return head;
  }

  async #messageOf(body: Buffer, { signal, encoding, contentEncoding }: ExportHead, share: ByteShare): Promise<TelemetryMessage> {
    const message = await this.#content.decode(body, contentEncoding, share);
    if (encoding === 'proto') return message;
    const bytes = otlpJsonToProtobuf(signal, message.bytes, { bytesMax: this.#options.limits.inflatedBytesMax });
    share.add(bytes.length);
    return { bytes, compressed: null, encoding: 'identity' };
  }

  #refuse(request: http.IncomingMessage, response: http.ServerResponse, headers: Readonly<Record<string, string>> | null, thrown: unknown): void {
    const error = thrown instanceof CodedError ? thrown : new CodedError('INTERNAL', 'internal_error', 'internal error');
    if (error !== thrown) this.#options.log.error('otlp_http_failed', 'an OTLP request failed', { error: thrown });
    if (!(error instanceof UnauthenticatedError)) this.#options.onRefused(error, peerOf(request.socket));
    if (response.destroyed || response.headersSent) return;
    answerRefused(response, encodingOf(request.headers) ?? 'json', error, headers);
    discardRest(request);
  }

  /** What every answer says beside its own; null for nothing. */
  #answerHeaders(request: http.IncomingMessage): Readonly<Record<string, string>> | null {
    const cors = this.#cors?.answerHeaders(request) ?? null;
    return this.#isDraining ? { ...cors, connection: 'close' } : cors;
  }
}

function httpOptions({ readTimeoutMs }: OtlpHttpLimits): http.ServerOptions {
  return {
    maxHeaderSize: 16 * 1024,
    requestTimeout: readTimeoutMs,
    headersTimeout: Math.min(headersTimeoutMs, readTimeoutMs),
    connectionsCheckingInterval: Math.min(1000, Math.ceil(readTimeoutMs / 4)),
    keepAliveTimeout: idleMs,
    noDelay: true,
  };
}
