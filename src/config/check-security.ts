import { isLoopbackHost, parseEndpoint } from '../base/endpoint.ts';
import type { ExporterConfig } from './components.ts';
import type { Place } from './place.ts';
import type { ClientAuthConfig, ListenerSecurity } from './security.ts';

/** What must hold of a listener's TLS and authentication; `place` is the listener's. */
export function checkListenerSecurity({ endpoint, tls, auth, insecure }: ListenerSecurity & { readonly endpoint: string }, place: Place): void {
  const isLocal = isLoopbackHost(parseEndpoint(endpoint)?.host ?? '');
  if (tls === null && !insecure && !isLocal) {
    place.at('endpoint').fail(`${endpoint} can be reached from other machines and has no TLS, so that what is sent can be read on the way: `
      + 'give tls: { cert_file: PATH, key_file: PATH }, or write insecure: true beside the endpoint where the network may be trusted');
  }
  if (tls !== null && insecure) place.at('insecure').fail('is true beside tls; write one of them');
  if (auth !== null && auth.bearer.tokens.length === 0 && auth.bearer.tokenFile === null) place.at('auth').at('bearer').fail('give token, or token_file');
}

/** What must hold of an exporter's TLS and authentication; `place` is the exporter's. */
export function checkExporterSecurity(exporter: Extract<ExporterConfig, { readonly tls: unknown }>, place: Place): void {
  const { certFile, keyFile, caFile } = exporter.tls;
  if ((certFile === null) !== (keyFile === null)) place.at('tls').fail('cert_file and key_file go together');
  const hasCertificates = (caFile ?? certFile) !== null;
  if ('insecure' in exporter.tls && exporter.tls.insecure && hasCertificates) {
    place.at('tls').at('insecure').fail('is true, so that the certificates named beside it would not be used');
  }
  if (exporter.type === 'otlphttp' && hasCertificates && [exporter.endpoint, ...exporter.moreEndpoints].every((url) => url.startsWith('http:'))) {
    place.at('tls').fail('is not used, since the endpoint is not https');
  }
  if (exporter.auth === null) return;
  checkClientAuth(exporter.auth, place.at('auth'));
  const header = Object.keys(exporter.headers).find((name) => name.toLowerCase() === 'authorization');
  if (header !== undefined) place.at('headers').at(header).fail('would be sent beside what auth says; write one of them');
}

function checkClientAuth({ bearer, basic }: ClientAuthConfig, place: Place): void {
  if ((bearer === null) === (basic === null)) place.fail('give either bearer or basic');
  if (bearer !== null && (bearer.token === null) === (bearer.tokenFile === null)) place.at('bearer').fail('give either token or token_file');
  if (basic === null) return;
  if ((basic.password === null) === (basic.passwordFile === null)) place.at('basic').fail('give either password or password_file');
  if (basic.username.includes(':')) place.at('basic').at('username').fail('must not have a colon (RFC 7617)');
}
