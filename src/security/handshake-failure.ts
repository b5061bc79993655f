/** Why no TLS connection came to be, as a server sees it. */
export interface HandshakeFailure {
  /** A word for metrics. */
  readonly reason: string;
  /** What to do about it. */
  readonly text: string;
  /** What OpenSSL says. */
  readonly detail: string;
  /** Port scans and probes do it all the time. */
  readonly isNoise: boolean;
}

type Row = readonly [pattern: RegExp, reason: string, text: string];

/** By the codes of OpenSSL's errors and of its certificate checks. */
const rows: readonly Row[] = [
  [/^ERR_SSL_(HTTP_REQUEST|HTTPS_PROXY_REQUEST|WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|RECORD_TOO_SMALL|BAD_RECORD_TYPE|INVALID_MESSAGE_TYPE)$/, 'not_tls', 'a client does not speak TLS; configure it to, or let this listener be plain'],
  [/^ERR_SSL_(UNSUPPORTED_PROTOCOL|VERSION_TOO_LOW|TLSV1_ALERT_PROTOCOL_VERSION)$/, 'version', 'a client speaks no version of TLS that is taken here; see min_version'],
  [/^ERR_SSL_(NO_SHARED_CIPHER|NO_SUITABLE_SIGNATURE_ALGORITHM|NO_SUITABLE_KEY_SHARE)$/, 'cipher', 'a client has no cipher or algorithm that is taken here'],
  [/^ERR_SSL_NO_APPLICATION_PROTOCOL$/, 'protocol', 'a client does not speak the protocol of this listener'],
  [/^ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE$/, 'client_certificate_missing', 'a client without a certificate, which client_ca_file asks for'],
  [/^CERT_(HAS_EXPIRED|NOT_YET_VALID)$/, 'client_certificate_expired', 'a client\'s certificate is expired or not yet valid'],
  [/^(UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|CERT_|INVALID_|PATH_LENGTH_|ERR_SSL_CERTIFICATE_VERIFY_FAILED)/, 'client_certificate_untrusted', 'a client\'s certificate is not signed by one of client_ca_file'],
  [/^ERR_SSL_.*ALERT_(UNKNOWN_CA|BAD_CERTIFICATE|CERTIFICATE_)/, 'refused_by_client', 'a client does not trust the certificate of this listener'],
  [/^ERR_TLS_HANDSHAKE_TIMEOUT$/, 'timeout', 'a client did not finish the handshake in time'],
];

/** A client that shook hands and then speaks nothing that the server does. */
export const protocolNotSpoken: HandshakeFailure = { reason: 'protocol', text: 'a client does not speak the protocol of this listener', detail: 'no protocol was agreed on (ALPN)', isNoise: false };

/** The oldest handshake under way when there were more than are taken at once. */
export const tooManyHandshakes: HandshakeFailure = { reason: 'too_many', text: 'more clients begin TLS handshakes than finish them; the oldest is sent away', detail: 'too many handshakes under way', isNoise: false };

/**
 * What an error of a TLS server's `tlsClientError` means. Where Node refused a client's certificate, the error says no more than that the socket was
 * closed, and `refused`, the socket's `authorizationError`, is the code of the check.
 */
export function handshakeFailure(error: Error, refused: unknown): HandshakeFailure {
  const code = String(refused ?? Reflect.get(error, 'code') ?? '');
  const detail = typeof refused === 'string' ? refused : String(Reflect.get(error, 'reason') ?? error.message).trim();
  if (code === 'ECONNRESET' || code === 'EPIPE') return { reason: 'closed_by_client', text: 'a client went away during the handshake', detail, isNoise: true };
  const row = rows.find(([pattern]) => pattern.test(code));
  return { reason: row?.[1] ?? 'other', text: row?.[2] ?? 'a handshake failed', detail, isNoise: false };
}
