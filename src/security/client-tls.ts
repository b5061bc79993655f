import { readFileSync } from 'node:fs';
import tls from 'node:tls';
import { CodedError, messageOf } from '../base/errors.ts';
import type { ClientTlsConfig, HttpTlsConfig } from '../config/load.ts';

/** What a client checks a server by, and shows it. */
export interface ClientTls {
  readonly secureContext: tls.SecureContext;
  /** The name that the server's certificate must have, when it is not the endpoint's. */
  readonly serverName: string | null;
}

/** Reads the certificates of a configuration; `place` is the component's. Throws CodedError `bad_credentials` when they cannot be used. */
export function openClientTls(config: ClientTlsConfig | HttpTlsConfig, place: string): ClientTls {
  const { caFile, certFile, keyFile, minVersion, serverName } = config;
  try {
    const ca = caFile === null ? systemCertificates() : readFileSync(caFile);
    const own = certFile === null || keyFile === null ? {} : { cert: readFileSync(certFile), key: readFileSync(keyFile) };
    return { secureContext: tls.createSecureContext({ ca, ...own, minVersion: `TLSv${minVersion}` }), serverName };
  } catch (error) {
    throw new CodedError('FAILED_PRECONDITION', 'bad_credentials', `${place}.tls: ${messageOf(error)}`, { cause: error });
  }
}

/** The machine's, where it has any, else those that come with Node; and those of NODE_EXTRA_CA_CERTS. */
function systemCertificates(): string[] {
  const system = tls.getCACertificates('system');
  return [...new Set([...(system.length > 0 ? system : tls.getCACertificates('bundled')), ...tls.getCACertificates('extra')])];
}
