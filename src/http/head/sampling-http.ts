import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { formatEndpoint, parseEndpoint } from '../../base/endpoint.ts';
import { CodedError, messageOf } from '../../base/errors.ts';
import type { OpenListenerSecurity } from '../../security/listener-security.ts';
import type { Logger } from '../../telemetry/log.ts';
import { securedBy } from '../secured.ts';
import { type Answers, commonHeaders } from './answers.ts';
import { headPage } from './head-page.ts';
import { headReport } from './head-report.ts';
import type { RateHistory } from './history.ts';
import { serviceParameters } from './service-parameters.ts';
import { telemetryPolicies } from './telemetry-policies.ts';

export interface SamplingHttpParts {
  readonly endpoint: string;
  readonly security: OpenListenerSecurity;
  readonly answers: Answers;
  readonly history: RateHistory;
  readonly log: Logger;
  /** Told of each request for a strategy, by how it was answered. */
  readonly onRequest: (result: 'ok' | 'not_modified' | 'bad_request') => void;
}

/** Nobody has a body to send here. */
const bodyBytesMax = 1024;
const requestTimeoutMs = 10_000;
const connectionsMax = 10_000;

/** What Jaeger answers, and clients' tests expect. */
const parameterError = "'service' parameter must be provided once";

/**
 * Jaeger's remote sampling over HTTP: `/sampling`, `/api/sampling` and `/` with one parameter `service`; and `/policies` and `/head`. Gives `host:port` as it is
 * listened on, and how to close. Throws CodedError `cannot_listen`.
 */
export async function listenSamplingHttp(parts: SamplingHttpParts): Promise<{ readonly address: string; close(): Promise<void> }> {
  const endpoint = parseEndpoint(parts.endpoint);
  if (endpoint === null) throw new CodedError('INVALID_ARGUMENT', 'bad_endpoint', `head.http.endpoint: expected host:port, got "${parts.endpoint}"`);
  const secured = securedBy(parts.security, { requestTimeoutMs, connectionTimeoutMs: null, openPaths: [] });
  const app = fastify({ logger: false, bodyLimit: bodyBytesMax, requestTimeout: requestTimeoutMs, forceCloseConnections: true, routerOptions: { querystringParser: () => ({}) }, ...secured.options });
  app.server.maxConnections = connectionsMax;
  secured.guard(app);
  addRoutes(app, parts);
  try {
    await app.listen({ host: endpoint.host, port: endpoint.port });
  } catch (error) {
    throw new CodedError('UNAVAILABLE', 'cannot_listen', `head.http.endpoint: cannot listen on ${parts.endpoint}: ${messageOf(error)}`, { cause: error });
  }
  const bound = app.addresses()[0];
  return { address: formatEndpoint({ host: endpoint.host, port: typeof bound === 'object' ? bound.port : endpoint.port }), close: () => app.close() };
}

function addRoutes(app: FastifyInstance, { answers, history, log, onRequest }: SamplingHttpParts): void {
  const serve = ({ raw }: FastifyRequest, reply: FastifyReply): void => {
    const services = serviceParameters(raw.url ?? '');
    // Thousands of SDKs may ask: written to the socket at once, without what Fastify does for other replies.
    reply.hijack();
    if (services.length !== 1) {
      onRequest('bad_request');
      reply.raw.writeHead(400, { ...commonHeaders, 'content-type': 'text/plain; charset=utf-8', 'content-length': Buffer.byteLength(parameterError) }).end(parameterError);
      return;
    }
    const answer = answers.of(services[0].name, services[0].otherwise);
    const isKnown = raw.headers['if-none-match'] === answer.etag;
    onRequest(isKnown ? 'not_modified' : 'ok');
    if (isKnown) reply.raw.writeHead(304, answer.headers).end();
    else reply.raw.writeHead(200, answer.headers).end(answer.body);
  };
  app.addHook('onSend', async (_, reply) => {
    reply.headers(commonHeaders);
  });
  for (const path of ['/sampling', '/api/sampling', '/']) app.get(path, serve);
  app.get('/policies', (_, reply) => reply.send(telemetryPolicies(answers.strategies)));
  app.get('/head', ({ headers }, reply) => (headers.accept?.includes('text/html') === true
    ? reply.type('text/html; charset=utf-8').header('content-security-policy', "default-src 'none'; style-src 'unsafe-inline'").send(headPage(answers, history)) : reply.send(headReport(answers, history))));
  app.setNotFoundHandler((request, reply) => reply.code(404).send({ error: 'not_found', message: `no ${request.method} ${request.url.slice(0, 200)} here`, paths: ['/sampling', '/policies', '/head'] }));
  app.setErrorHandler((error, request, reply) => {
    const status = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : 500;
    if (status >= 500) log.error('head_http_failed', 'a request to the head-sampling service failed', { path: request.url.slice(0, 200), error });
    return reply.code(status).send({ error: status < 500 ? 'bad_request' : 'internal', message: status < 500 ? messageOf(error) : 'an error of ours; the log has it' });
  });
}
