import { readFileSync } from 'node:fs';
import type { ClientTlsConfig, HttpTlsConfig } from '../config/load.ts';
import type { ClientTls } from '../grpc/client.ts';

/** The certificates of a configuration; null where it says to connect without TLS. Throws when a file cannot be read. */
export function clientTlsOf(tls: ClientTlsConfig | HttpTlsConfig): ClientTls | null {
  if ('insecure' in tls && tls.insecure) return null;
  const read = (path: string | null): Buffer | null => (path === null ? null : readFileSync(path));
  return { ca: read(tls.caFile), certificate: read(tls.certFile), key: read(tls.keyFile), serverName: tls.serverName };
}
