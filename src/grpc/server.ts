import http2 from 'node:http2';
import { BufferPool } from '../base/buffer-pool.ts';
import { CodedError } from '../base/errors.ts';
import { boundConnections, listenOn } from '../base/listening.ts';
import { peerOf } from '../base/peer.ts';
import type { Seam } from '../base/seam.ts';
import { withDeadline } from '../base/with-deadline.ts';
import { UnauthenticatedError } from '../security/bearer-auth.ts';
import type { OpenListenerSecurity } from '../security/listener-security.ts';
import type { Logger } from '../telemetry/log.ts';
import type { GrpcMessage, ServerCall } from './call.ts';
import type { ReceiveBudget } from './call-options.ts';
import { CallWatch } from './call-watch.ts';
import { acceptEncoding, isMessageEncoding, type MessageEncoding, MessageInflater } from './message-encoding.ts';
import { Http2ServerCall } from './server-call.ts';
import { guardConnection } from './server-connection.ts';
import { createHttp2Server } from './server-http2.ts';
import { describeError, okStatus, parseTimeoutMs, statusOfError, trailersOf } from './status.ts';

/** Handles a bidirectional stream: reads, writes, and returns for OK or throws a CodedError for its status. */
export type StreamHandler = (call: ServerCall) => Promise<void>;

/** Handles a unary call: gives the response message or throws a CodedError for its status. */
export type UnaryHandler = (request: GrpcMessage, call: ServerCall) => Promise<Uint8Array>;

/** Calls that may take this long have no timer of their own: they end within a second after their deadline. */
const watchedTimeoutMs = 2000;

/** Memory for messages of unary calls that is kept while nobody needs it. */
const pooledBytesMax = 16 * 1024 * 1024;

/** Bounds of a server; every one is enforced before memory is spent. */
export interface GrpcServerLimits {
  /** A message, before and after decompression. */
  readonly messageBytesMax: number;
  /** Received bytes that no handler has read (messages that are not whole, and waiting ones), over all streams: beyond it a stream that sends more is refused. */
  readonly unreadBytesMax: number;
  readonly connectionsMax: number;
  readonly streamsPerConnectionMax: number;
  /** Flow-control windows: what a sender may have under way that no handler has read. */
  readonly streamWindowBytes: number;
  readonly connectionWindowBytes: number;
  /** A ping goes out this often; a connection that does not answer within `pingTimeoutMs` is closed. */
  readonly pingIntervalMs: number;
  readonly pingTimeoutMs: number;
  /** A connection without a stream for this long is closed gracefully. */
  readonly idleMs: number;
  /** From the beginning of a message, or of a unary call, to its end. */
  readonly readTimeoutMs: number;
}

export const defaultGrpcServerLimits: GrpcServerLimits = {
  messageBytesMax: 16 * 1024 * 1024,
  unreadBytesMax: 256 * 1024 * 1024,
  connectionsMax: 1000,
  streamsPerConnectionMax: 100,
  streamWindowBytes: 1024 * 1024,
  connectionWindowBytes: 8 * 1024 * 1024,
  pingIntervalMs: 60_000,
  pingTimeoutMs: 20_000,
  idleMs: 600_000,
  readTimeoutMs: 30_000,
};

export interface GrpcServerOptions {
  readonly seam: Seam;
  readonly log: Logger;
  readonly limits?: Partial<GrpcServerLimits>;
  /** TLS and tokens; without it neither is. */
  readonly security?: OpenListenerSecurity;
  /** Told of what the server itself refuses; not of what handlers throw, nor of tokens. */
  readonly onRefused?: (error: CodedError, peer: string) => void;
}

/**
 * A gRPC server over node:http2 for handlers of raw messages (docs/adr/0002-transport.md): framing, message encodings,
 * status, deadlines, limits and drain, and nothing else. Life: handlers are added, then `listen`, then `drain`.
 */
export class GrpcServer {
  readonly #seam: Seam;
  readonly #log: Logger;
  readonly #limits: GrpcServerLimits;
  readonly #handlers = new Map<string, { readonly serve: StreamHandler; readonly isUnary: boolean }>();
  readonly #inflaters = new Map<string, MessageInflater>();
  readonly #onRefused: (error: CodedError, peer: string) => void;
  readonly #watch: CallWatch;
  readonly #draining = new AbortController();
  readonly #connections = new Set<http2.ServerHttp2Session>();
  readonly #server: http2.Http2Server | http2.Http2SecureServer;
  readonly #security: OpenListenerSecurity;
  /** Ends TLS handshakes under way. */
  readonly #dropHandshakes: () => void;
  readonly #budget: ReceiveBudget;
  readonly #pool = new BufferPool(pooledBytesMax);

  constructor(options: GrpcServerOptions) {
    this.#seam = options.seam;
    this.#log = options.log;
    this.#limits = { ...defaultGrpcServerLimits, ...options.limits };
    this.#onRefused = options.onRefused ?? (() => {});
    this.#watch = new CallWatch(this.#limits.readTimeoutMs, options.seam);
    this.#budget = { bytes: 0, bytesMax: this.#limits.unreadBytesMax };
    this.#security = options.security ?? { tls: null, auth: null };
    const { server, dropHandshakes } = createHttp2Server(this.#limits, this.#security);
    this.#server = server;
    this.#dropHandshakes = dropHandshakes;
    boundConnections(server, this.#limits.connectionsMax, this.#onRefused);
    server.on('session', (session: http2.ServerHttp2Session) => this.#onConnection(session));
    server.on('stream', (stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders) => this.#onStream(stream, headers));
    server.on('error', (error: Error) => this.#log.warn('grpc_server_error', error.message));
  }

  /** Adds a streaming method by its path, `/package.Service/Method`. */
  addStreamMethod(path: string, handler: StreamHandler): void {
    this.#handlers.set(path, { serve: handler, isUnary: false });
  }

  /** Adds a unary method by its path. */
  addUnaryMethod(path: string, handler: UnaryHandler): void {
    this.#handlers.set(path, { serve: (call) => serveUnary(call, handler, this.#onRefused), isUnary: true });
  }

  /** Starts to listen; gives the port. Rejects when the address cannot be had. */
  listen(host: string, port: number): Promise<number> {
    return listenOn(this.#server, host, port);
  }

  /**
   * Stops accepting, tells clients to go elsewhere (GOAWAY) and handlers to finish (`ServerCall.draining`); closes what
   * is left after `deadlineMs`. Resolves when every connection is closed.
   */
  async drain(deadlineMs: number): Promise<void> {
    if (!this.#draining.signal.aborted) this.#draining.abort();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#dropHandshakes();
    for (const session of this.#connections) session.close();
    await withDeadline(this.#seam, deadlineMs, () => this.#destroyConnections(), () => closed);
    this.#watch.stop();
  }

  #destroyConnections(): void {
    for (const session of this.#connections) session.destroy();
  }

  #onConnection(session: http2.ServerHttp2Session): void {
    if (this.#draining.signal.aborted) {
      session.close();
      return;
    }
    this.#connections.add(session);
    session.once('close', () => this.#connections.delete(session));
    session.on('error', (error: Error) => this.#onConnectionError(error, peerOfSession(session)));
    session.setLocalWindowSize(this.#limits.connectionWindowBytes);
    void guardConnection(session, this.#seam, this.#limits);
  }

  #onStream(stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders): void {
    stream.on('error', (error: Error) => this.#log.debug('grpc_stream_error', error.message));
    const peer = peerOfSession(stream.session);
    const refusal = httpRefusal(headers);
    if (refusal !== null) {
      this.#onRefused(refusal, peer);
      refuse(stream, { ':status': refusal.reason === 'wrong_method' ? 405 : 415 });
      return;
    }
    const path = headers[':path'] ?? '';
    const handler = this.#handlers.get(path);
    try {
      this.#security.auth?.check(headers.authorization, peer);
      if (handler === undefined) throw new CodedError('UNIMPLEMENTED', 'unknown_method', `unknown method ${path}`);
      const inflater = this.#inflaterOf(path, encodingOf(headers));
      const timeout = headers['grpc-timeout'];
      const timeoutMs = typeof timeout === 'string' ? parseTimeoutMs(timeout) : null;
      const call = new Http2ServerCall(stream, headers, {
        path, peer, inflater, isUnary: handler.isUnary, messageBytesMax: this.#limits.messageBytesMax, budget: this.#budget, pool: this.#pool, draining: this.#draining.signal,
        deadlineMs: timeoutMs === null ? Infinity : this.#seam.monotonicMs() + timeoutMs, nowMs: () => this.#seam.monotonicMs(), onRefused: (error) => this.#onRefused(error, peer),
      });
      void this.#serve(call, handler.serve, timeoutMs);
    } catch (error) {
      if (error instanceof CodedError && !(error instanceof UnauthenticatedError)) this.#onRefused(error, peer);
      refuse(stream, { ':status': 200, 'content-type': 'application/grpc', 'grpc-accept-encoding': acceptEncoding, ...trailersOf(statusOfError(error)) });
    }
  }

  async #serve(call: Http2ServerCall, handler: StreamHandler, timeoutMs: number | null): Promise<void> {
    const timer = timeoutMs === null || timeoutMs >= watchedTimeoutMs ? null : new AbortController();
    if (timer !== null) void this.#endInTime(call, timer.signal);
    this.#watch.add(call);
    try {
      await handler(call);
      call.finish(okStatus);
    } catch (error) {
      this.#logFailure(call, error);
      call.finish(statusOfError(error));
    } finally {
      this.#watch.delete(call);
      timer?.abort();
      call.releaseMessages();
    }
  }

  /** One for all calls of a method: it learns how far messages expand. */
  #inflaterOf(path: string, encoding: MessageEncoding): MessageInflater {
    const key = `${encoding} ${path}`;
    const known = this.#inflaters.get(key);
    if (known !== undefined) return known;
    const inflater = new MessageInflater(encoding, this.#limits.messageBytesMax);
    this.#inflaters.set(key, inflater);
    return inflater;
  }

  /** What is no HTTP/2 is told of; connections that break off are nothing to act on. */
  #onConnectionError(error: Error, peer: string): void {
    this.#log.debug('grpc_connection_error', error.message, { peer });
    if ('code' in error && error.code === 'ERR_HTTP2_ERROR') this.#onRefused(new CodedError('INVALID_ARGUMENT', 'malformed_http2', `no HTTP/2, which gRPC needs (a client that speaks TLS to a listener without it looks so): ${error.message}`), peer);
  }

  async #endInTime(call: Http2ServerCall, signal: AbortSignal): Promise<void> {
    try {
      await this.#seam.sleepMs(Math.max(0, call.deadlineMs - this.#seam.monotonicMs()), signal);
    } catch {
      return;
    }
    call.endLate();
  }

  #logFailure(call: ServerCall, error: unknown): void {
    const where = { path: call.path, peer: call.peer };
    if (!(error instanceof CodedError)) this.#log.error('grpc_handler_failed', describeError(error), where);
    else this.#log.debug(error.reason, error.message, { ...where, status: error.status });
  }
}

async function serveUnary(call: ServerCall, handler: UnaryHandler, onRefused: (error: CodedError, peer: string) => void): Promise<void> {
  const refused = (reason: string, message: string): CodedError => {
    const error = new CodedError('INVALID_ARGUMENT', reason, message);
    onRefused(error, call.peer);
    return error;
  };
  const request = await call.read();
  if (request === null) throw refused('missing_request', 'a unary call without a message');
  if ((await call.read()) !== null) throw refused('second_request', 'a unary call with two messages');
  await call.write(await handler(request, call));
}

/** What is wrong with a request that is no gRPC (gRPC over HTTP/2, "Requests"): wrong_method is HTTP's 405, wrong_content_type 415. Null for one that is. */
function httpRefusal(headers: http2.IncomingHttpHeaders): CodedError | null {
  if (headers[':method'] !== 'POST') return new CodedError('INVALID_ARGUMENT', 'wrong_method', 'a request that is no POST, and so no gRPC');
  const contentType = headers['content-type'] ?? '';
  return /^application\/grpc($|[+;])/.test(contentType) ? null : new CodedError('INVALID_ARGUMENT', 'wrong_content_type', `content-type "${contentType.slice(0, 100)}" is not gRPC's`);
}

function encodingOf(headers: http2.IncomingHttpHeaders): MessageEncoding {
  const name = headers['grpc-encoding'] ?? 'identity';
  if (typeof name === 'string' && isMessageEncoding(name)) return name;
  throw new CodedError('UNIMPLEMENTED', 'unknown_encoding', `grpc-encoding ${String(name)} is not supported`);
}

/** Answers with headers alone and stops a client that still sends. */
function refuse(stream: http2.ServerHttp2Stream, headers: http2.OutgoingHttpHeaders): void {
  if (stream.destroyed) return;
  stream.respond(headers, { endStream: true });
  stream.resume();
  setImmediate(() => {
    if (!stream.destroyed) stream.close(http2.constants.NGHTTP2_NO_ERROR);
  });
}

function peerOfSession(session: http2.Http2Session | undefined): string {
  return peerOf(session === undefined || session.destroyed ? undefined : session.socket);
}
