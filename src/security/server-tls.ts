import { X509Certificate } from 'node:crypto';
import type { Socket } from 'node:net';
import tls from 'node:tls';
import { peerOf } from '../base/peer.ts';
import type { ServerTlsConfig } from '../config/load.ts';
import { metrics } from '../telemetry/declared.ts';
import type { ChangingFiles } from './changing-files.ts';
import { openCredentialFiles } from './credential-files.ts';
import { handshakeFailure, type HandshakeFailure, protocolNotSpoken, tooManyHandshakes } from './handshake-failure.ts';
import { Handshakes } from './handshakes.ts';
import type { SecurityTools } from './tools.ts';

/** A client that has not shaken hands by then is sent away. */
const handshakeTimeoutMs = 10_000;
/** Of one listener. Each takes milliseconds where the client is well. */
const handshakesMax = 256;

interface Certificates {
  readonly cert: Buffer;
  readonly key: Buffer;
  /** Who signs clients' certificates. */
  readonly ca?: Buffer;
  readonly expirySeconds: number;
}

/**
 * TLS of one listener. New certificates are for new connections: files are looked at when one comes (and when metrics are read), and those that
 * cannot be used leave the old ones in force.
 */
export class ServerTls {
  /** For `https.createServer`, `http2.createSecureServer` and their like. */
  readonly options: tls.TlsOptions;
  readonly #tools: SecurityTools;
  readonly #files: ChangingFiles<Certificates>;
  readonly #servers: tls.Server[] = [];

  /** Throws CodedError `bad_credentials` when the files cannot be used. */
  constructor({ certFile, keyFile, clientCaFile, minVersion }: ServerTlsConfig, tools: SecurityTools) {
    this.#tools = tools;
    const contextOf = ({ cert, key, ca }: Certificates): tls.SecureContextOptions => (
      { cert, key, minVersion: `TLSv${minVersion}`, ...(ca === undefined ? {} : { ca }) });
    this.#files = openCredentialFiles(tools, {
      option: 'tls',
      paths: [certFile, keyFile, ...(clientCaFile === null ? [] : [clientCaFile])],
      read: ([cert, key, ca]) => usable({ cert, key, ...(ca === undefined ? {} : { ca }) }),
      onChange: (certificates) => {
        for (const server of this.#servers) server.setSecureContext(contextOf(certificates));
      },
    });
    const asksClients = clientCaFile !== null;
    this.options = { ...contextOf(this.#files.value), requestCert: asksClients, rejectUnauthorized: asksClients, handshakeTimeout: handshakeTimeoutMs };
    const expiry = tools.registry.gauge(metrics.tlsCertificateExpiry).with({ listener: tools.name });
    tools.registry.onRead(() => expiry.set(this.#files.value.expirySeconds));
  }

  /**
   * Keeps the certificates of a server that was made with `options` fresh, and tells of clients that cannot get in. Returns what ends the
   * handshakes under way: a server that closes would else wait for clients that say nothing.
   */
  guard(server: tls.Server): () => void {
    this.#servers.push(server);
    const handshakes = new Handshakes(handshakesMax, (peer) => this.#onFailure(tooManyHandshakes, peer));
    // Before Node's own listener, which takes the certificates for this connection.
    server.prependListener('connection', (socket: Socket) => {
      void this.#files.value;
      handshakes.begin(socket);
    });
    server.on('secureConnection', (socket: Socket) => handshakes.succeeded(socket));
    server.on('tlsClientError', (error: Error, socket: tls.TLSSocket) => {
      const peer = handshakes.failed(socket);
      if (peer !== null) this.#onFailure(handshakeFailure(error, socket.authorizationError), peer);
    });
    server.on('unknownProtocol', (socket: tls.TLSSocket) => {
      this.#onFailure(protocolNotSpoken, peerOf(socket));
      socket.destroy();
    });
    return () => handshakes.drop();
  }

  #onFailure({ reason, text, detail, isNoise }: HandshakeFailure, peer: string): void {
    const { log, registry, name } = this.#tools;
    registry.counter(metrics.tlsFailures).add(1, { listener: name, reason });
    const say = isNoise ? log.debug : log.warn;
    say('tls_handshake_failed', `${name}: ${text}`, { listener: name, failure: reason, peer, detail });
  }
}

/** Throws where certificate and key do not belong together, or are none. */
function usable(given: Omit<Certificates, 'expirySeconds'>): Certificates {
  tls.createSecureContext(given);
  return { ...given, expirySeconds: new X509Certificate(given.cert).validToDate.getTime() / 1000 };
}
