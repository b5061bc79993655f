import http2 from 'node:http2';
import type { OpenListenerSecurity } from '../security/listener-security.ts';
import type { GrpcServerLimits } from './server.ts';

/** The HTTP/2 server below a gRPC server, and how to end the TLS handshakes that are under way. */
export function createHttp2Server(limits: GrpcServerLimits, { tls }: OpenListenerSecurity): { readonly server: http2.Http2Server | http2.Http2SecureServer; readonly dropHandshakes: () => void } {
  const options = http2Options(limits);
  if (tls === null) return { server: http2.createServer(options), dropHandshakes: () => {} };
  const server = http2.createSecureServer({ ...options, ...tls.options });
  return { server, dropHandshakes: tls.guard(server) };
}

function http2Options(limits: GrpcServerLimits): http2.ServerOptions {
  return {
    settings: {
      maxConcurrentStreams: limits.streamsPerConnectionMax,
      initialWindowSize: limits.streamWindowBytes,
      maxHeaderListSize: 16 * 1024,
      enablePush: false,
    },
    maxSendHeaderBlockLength: 16 * 1024,
    maxHeaderListPairs: 128,
    maxSessionMemory: Math.ceil(limits.connectionWindowBytes / 1e6) + 16,
    unknownProtocolTimeout: limits.pingTimeoutMs,
  };
}
