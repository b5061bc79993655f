import { isLoopbackHost, parseEndpoint } from '../base/endpoint.ts';
import type { ListenerSecurity } from '../config/security.ts';
import { BearerAuth } from './bearer-auth.ts';
import { ServerTls } from './server-tls.ts';
import type { SecurityTools } from './tools.ts';

/** What a listener's server needs to be safe; null is without. */
export interface OpenListenerSecurity {
  readonly tls: ServerTls | null;
  readonly auth: BearerAuth | null;
}

/** Reads certificates and tokens of a listener; throws CodedError where they cannot be used. Warns of what anybody on the network can read. */
export function openListenerSecurity(config: ListenerSecurity & { readonly endpoint: string }, tools: SecurityTools): OpenListenerSecurity {
  const { endpoint, tls, auth } = config;
  if (tls === null && !isLoopbackHost(parseEndpoint(endpoint)?.host ?? '')) {
    tools.log.warn('plaintext_listener', `${tools.name}: ${endpoint} has no TLS (insecure: true): what is sent${auth === null ? '' : ', tokens among it,'} can be read on the way`, { listener: tools.name });
  }
  return { tls: tls === null ? null : new ServerTls(tls, tools), auth: auth === null ? null : new BearerAuth(auth, tools) };
}
