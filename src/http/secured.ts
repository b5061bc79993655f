import https from 'node:https';
import type { FastifyInstance, FastifyServerOptions } from 'fastify';
import { UnauthenticatedError } from '../security/bearer-auth.ts';
import type { OpenListenerSecurity } from '../security/listener-security.ts';

export interface SecuredOptions {
  readonly requestTimeoutMs: number;
  /** After which a connection that says nothing is ended; null: Node's. */
  readonly connectionTimeoutMs: number | null;
  /** Paths that nobody needs a token for. */
  readonly openPaths: readonly string[];
}

/** TLS and tokens of a listener on Fastify. */
export interface Secured {
  /** For making the app. */
  readonly options: Pick<FastifyServerOptions, 'serverFactory'>;
  /** Makes the app ask for tokens, and end handshakes under way when it closes. */
  guard(app: FastifyInstance): void;
}

/** What a listener's security comes to on Fastify: refused requests are answered with 401, as JSON, and the scheme that is asked for. */
export function securedBy({ tls, auth }: OpenListenerSecurity, { requestTimeoutMs, connectionTimeoutMs, openPaths }: SecuredOptions): Secured {
  const beforeClose: (() => void)[] = [];
  const serverFactory: FastifyServerOptions['serverFactory'] = tls === null ? undefined : (handler) => {
    const server = https.createServer({ ...tls.options, requestTimeout: requestTimeoutMs }, handler);
    if (connectionTimeoutMs !== null) server.setTimeout(connectionTimeoutMs);
    beforeClose.push(tls.guard(server));
    return server;
  };
  return {
    options: serverFactory === undefined ? {} : { serverFactory },
    guard: (app) => {
      app.addHook('preClose', async () => beforeClose.forEach((close) => close()));
      if (auth !== null) askForTokens(app, auth, openPaths);
    },
  };
}

function askForTokens(app: FastifyInstance, auth: NonNullable<OpenListenerSecurity['auth']>, openPaths: readonly string[]): void {
  app.addHook('onRequest', async ({ url, headers, socket }, reply) => {
    if (openPaths.includes(url)) return;
    try {
      auth.check(headers.authorization, socket.remoteAddress ?? 'unknown');
    } catch (error) {
      if (!(error instanceof UnauthenticatedError)) throw error;
      await reply.code(401).header('www-authenticate', error.challenge).send({ error: error.reason, message: error.message });
    }
  });
}
