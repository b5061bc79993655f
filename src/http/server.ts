import fastify, { type FastifyError, type FastifyInstance, type FastifyReply } from 'fastify';
import { formatEndpoint, isLoopbackHost, parseEndpoint } from '../base/endpoint.ts';
import { CodedError, messageOf } from '../base/errors.ts';
import type { OpenListenerSecurity } from '../security/listener-security.ts';
import { expositionContentType } from '../telemetry/exposition.ts';
import { silentLogger, type Logger } from '../telemetry/log.ts';
import type { MetricRegistry } from '../telemetry/metrics.ts';
import { securedBy } from './secured.ts';

/** Whether the process works, and what is to be known of it: names with short values. */
export interface Health {
  readonly ok: boolean;
  readonly detail: Readonly<Record<string, unknown>>;
}

/** What came of a reload of the policies; `refused` is answered with 422. */
export interface ReloadAnswer {
  readonly result: 'loaded' | 'unchanged' | 'refused';
  readonly generation: number;
  readonly hash: string;
  readonly message: string | null;
}

export interface HttpOptions {
  /** `host:port`; port 0 takes a free one. */
  readonly endpoint: string;
  /** TLS and tokens; without it neither is. Health and readiness never ask for a token: probes have none. */
  readonly security?: OpenListenerSecurity;
  readonly registry: MetricRegistry;
  /** Whether telemetry is taken in now: false while starting and draining. */
  readonly ready: () => boolean;
  readonly health: () => Health;
  /** Reads the policy files again; without it nobody can ask for that. */
  readonly reload?: (() => Promise<ReloadAnswer>) | null;
  /** Told of requests that failed by an error of ours. */
  readonly log?: Logger;
}

export interface HttpServer {
  /** `host:port` as it is listened on. */
  readonly address: string;
  /** Stops listening and ends open connections. */
  close(): Promise<void>;
}

/** Nobody has a body to send here. */
const bodyBytesMax = 64 * 1024;
const requestTimeoutMs = 10_000;

/**
 * Serves `/healthz` and `/readyz` (200 or 503, JSON) and `/metrics` (Prometheus text), and `POST /-/reload` to whoever is on this machine. Throws CodedError
 * `cannot_listen` when the endpoint is taken or not ours.
 */
export async function startHttp(options: HttpOptions): Promise<HttpServer> {
  const security = options.security ?? { tls: null, auth: null };
  const endpoint = parseEndpoint(options.endpoint);
  if (endpoint === null) throw new CodedError('INVALID_ARGUMENT', 'bad_endpoint', `http.endpoint: expected host:port, got "${options.endpoint}"`);
  const secured = securedBy(security, { requestTimeoutMs, connectionTimeoutMs: requestTimeoutMs, openPaths: ['/healthz', '/readyz'] });
  const app = fastify({ logger: false, bodyLimit: bodyBytesMax, requestTimeout: requestTimeoutMs, connectionTimeout: requestTimeoutMs, forceCloseConnections: true, ...secured.options });
  secured.guard(app);
  answerPlainly(app, options.log ?? silentLogger);
  addRoutes(app, options);
  try {
    await app.listen({ host: endpoint.host, port: endpoint.port });
  } catch (error) {
    throw new CodedError('UNAVAILABLE', 'cannot_listen', `http.endpoint: cannot listen on ${options.endpoint}: ${messageOf(error)}`, { cause: error });
  }
  const bound = app.addresses()[0];
  const port = typeof bound === 'object' ? bound.port : endpoint.port;
  return { address: formatEndpoint({ host: endpoint.host, port }), close: () => app.close() };
}

function addRoutes(app: FastifyInstance, { registry, ready, health, reload = null }: HttpOptions): void {
  app.get('/healthz', (_, reply) => {
    const { ok, detail } = health();
    return json(reply, ok ? 200 : 503, { status: ok ? 'ok' : 'failing', ...detail });
  });
  app.get('/readyz', (_, reply) => (ready() ? json(reply, 200, { status: 'ready' }) : json(reply, 503, { status: 'not ready' })));
  app.get('/metrics', (_, reply) => reply.type(expositionContentType).send(registry.text()));
  if (reload === null) return;
  app.post('/-/reload', async ({ socket, headers }, reply) => {
    if (!isLoopbackHost(socket.remoteAddress ?? '')) return json(reply, 403, { error: 'forbidden', message: 'policies are reloaded from this machine only; elsewhere send SIGHUP, or change the files' });
    if (headers.origin !== undefined) return json(reply, 403, { error: 'forbidden', message: 'not for pages of a browser' });
    const outcome = await reload();
    return json(reply, outcome.result === 'refused' ? 422 : 200, { ...outcome });
  });
}

function answerPlainly(app: FastifyInstance, log: Logger): void {
  app.addHook('onSend', async (_, reply) => {
    reply.header('cache-control', 'no-store').header('x-content-type-options', 'nosniff');
  });
  app.setNotFoundHandler((request, reply) => json(reply, 404, {
    error: 'not_found', message: `no ${request.method} ${request.url.slice(0, 200)} here`, paths: ['/healthz', '/readyz', '/metrics'] }));
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const status = error.statusCode ?? 500;
    if (status >= 500) log.error('http_failed', 'an HTTP request failed', { path: request.url.slice(0, 200), error });
    return json(reply, status, { error: status < 500 ? 'bad_request' : 'internal', message: status < 500 ? error.message : 'an error of ours; the log has it' });
  });
}

function json(reply: FastifyReply, status: number, body: Readonly<Record<string, unknown>>): FastifyReply {
  return reply.code(status).send(body);
}
