import { list } from './collections.ts';
import type { ValueOf } from './kind.ts';
import { bearerToken, filePath, flag, secretText, text, tlsVersion } from './scalars.ts';
import { option, optional, required, section } from './section.ts';

const minVersion = option('min_version', tlsVersion, '1.2', 'Least version of TLS: 1.2 or 1.3.');

const serverTls = section('TLS of a server. The files are read again when they change, for new connections.', {
  certFile: required('cert_file', filePath, 'The server\'s certificate (PEM), with those between it and its root.'),
  keyFile: required('key_file', filePath, 'The key (PEM) of `cert_file`.'),
  clientCaFile: optional('client_ca_file', filePath, 'Certificates (PEM) that each client\'s must be signed by (mTLS); a client without one is refused.'),
  minVersion,
}, { insecure: 'write insecure: true beside the endpoint', ca_file: 'what clients must be signed by is client_ca_file', reload_interval: 'files are read again when they change' });

const serverAuth = section('Who may send: each request must bring one of the tokens.', {
  bearer: required('bearer', section('Bearer tokens (RFC 6750): `authorization: Bearer TOKEN`.', {
    tokens: option('token', list(bearerToken), [], 'The token, or a list of them: any of them is accepted, so that senders can be given a new one before the old one goes.'),
    tokenFile: optional('token_file', filePath, 'A file with a token on each line, read again when it changes.'),
  }), 'Bearer tokens.'),
}, { authenticator: 'write bearer: { token_file: PATH }' });

/** Options of every listener that say who can read and who may send. */
export const listenerSecurity = {
  tls: optional('tls', serverTls, 'TLS. Without it, what is sent can be read on the way.'),
  auth: optional('auth', serverAuth, 'Authentication. Without it anybody who can connect may send.'),
  insecure: option('insecure', flag, false, 'Listen without TLS on an address that is not of this machine alone.'),
} as const;

const certificates = {
  caFile: optional('ca_file', filePath, 'Certificates (PEM) that the server\'s must be signed by.'),
  certFile: optional('cert_file', filePath, 'This client\'s certificate (PEM), where the server asks for one.'),
  keyFile: optional('key_file', filePath, 'The key (PEM) of `cert_file`.'),
  serverName: optional('server_name_override', text, 'The name that the server\'s certificate must have, when it is not the endpoint\'s.'),
  minVersion,
} as const;

const unchecked = 'a server that is not checked may be anybody; name its certificate, or who signed it, as ca_file';

export const clientTls = section('TLS of a client. Without it a connection is encrypted and checked against the system\'s certificates.', {
  insecure: option('insecure', flag, false, 'Connect without TLS.'),
  ...certificates,
}, { insecure_skip_verify: unchecked });

export const httpTls = section('TLS, where the endpoint is https. Without it the server is checked against the system\'s certificates.', certificates,
  { insecure: 'write http:// in the endpoint', insecure_skip_verify: unchecked });

/** How an exporter says who it is. */
export const clientAuth = optional('auth', section('How this client says who it is: `bearer` or `basic`.', {
  bearer: optional('bearer', section('A bearer token (RFC 6750).', {
    token: optional('token', bearerToken, 'The token.'),
    tokenFile: optional('token_file', filePath, 'A file that holds the token, instead of it; read again when it changes.'),
  }), 'A bearer token.'),
  basic: optional('basic', section('A user name and a password (RFC 7617).', {
    username: required('username', text, 'The name.'),
    password: optional('password', secretText, 'The password.'),
    passwordFile: optional('password_file', filePath, 'A file that holds the password, instead of it; read again when it changes.'),
  }), 'A name and a password.'),
}), 'Authentication.');

export type ServerTlsConfig = ValueOf<typeof serverTls>;
export type ServerAuthConfig = ValueOf<typeof serverAuth>;
export type HttpTlsConfig = ValueOf<typeof httpTls>;
export type ClientTlsConfig = ValueOf<typeof clientTls>;
export type ClientAuthConfig = NonNullable<ValueOf<typeof clientAuth.kind>>;

/** What `listenerSecurity` reads to. */
export interface ListenerSecurity {
  readonly tls: ServerTlsConfig | null;
  readonly auth: ServerAuthConfig | null;
  readonly insecure: boolean;
}
