import { isLoopbackHost, parseEndpoint } from '../base/endpoint.ts';
import type { ExporterConfig } from '../config/load.ts';
import { ClientAuth } from './client-auth.ts';
import { openClientTls, type ClientTls } from './client-tls.ts';
import type { SecurityTools } from './tools.ts';

/** How an exporter connects; null is without. */
export interface OpenClientSecurity {
  readonly tls: ClientTls | null;
  readonly auth: ClientAuth | null;
}

/** Reads certificates and secrets of an exporter; throws CodedError `bad_credentials` where they cannot be used. Warns of secrets that anybody on the network can read. */
export function openClientSecurity(config: Extract<ExporterConfig, { readonly tls: unknown }>, tools: SecurityTools): OpenClientSecurity {
  const { tls, auth } = config;
  const endpoints = [config.endpoint, ...('moreEndpoints' in config ? config.moreEndpoints : [])];
  const plain = endpoints.filter((endpoint) => ('insecure' in tls ? tls.insecure : endpoint.startsWith('http:')));
  const exposed = plain.find((endpoint) => !isLoopbackHost(hostOf(endpoint)));
  if (auth !== null && exposed !== undefined) tools.log.warn('plaintext_credentials', `${tools.name}: what auth says is sent to ${exposed} without TLS, and can be read on the way`, { exporter: tools.name });
  return { tls: plain.length === endpoints.length ? null : openClientTls(tls, tools.name), auth: auth === null ? null : new ClientAuth(auth, tools) };
}

function hostOf(endpoint: string): string {
  return endpoint.includes('://') ? new URL(endpoint).hostname.replace(/^\[|\]$/g, '') : parseEndpoint(endpoint)?.host ?? '';
}
