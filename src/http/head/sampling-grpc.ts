import { formatEndpoint, parseEndpoint } from '../../base/endpoint.ts';
import { CodedError, messageOf } from '../../base/errors.ts';
import type { Seam } from '../../base/seam.ts';
import { GrpcServer } from '../../grpc/server.ts';
import { WireReader, wireTypes } from '../../otap/proto/wire-reader.ts';
import type { OpenListenerSecurity } from '../../security/listener-security.ts';
import type { Logger } from '../../telemetry/log.ts';
import type { Answers } from './answers.ts';

export interface SamplingGrpcParts {
  readonly endpoint: string;
  readonly security: OpenListenerSecurity;
  readonly answers: Answers;
  readonly seam: Seam;
  readonly log: Logger;
  readonly onRequest: (result: 'ok' | 'bad_request') => void;
}

/** Requests name one service. */
const limits = { messageBytesMax: 64 * 1024, unreadBytesMax: 16 * 1024 * 1024, connectionsMax: 10_000, streamWindowBytes: 64 * 1024, connectionWindowBytes: 1024 * 1024, readTimeoutMs: 10_000 };

/** The path of the one method that clients call. */
const samplingPath = '/jaeger.api_v2.SamplingManager/GetSamplingStrategy';

/** Jaeger's remote sampling over gRPC (proto/jaeger-sampling.proto). Throws CodedError `cannot_listen`. */
export async function listenSamplingGrpc({ endpoint, security, answers, seam, log, onRequest }: SamplingGrpcParts): Promise<{ readonly address: string; close(): Promise<void> }> {
  const wanted = parseEndpoint(endpoint);
  if (wanted === null) throw new CodedError('INVALID_ARGUMENT', 'bad_endpoint', `head.grpc.endpoint: expected host:port, got "${endpoint}"`);
  const server = new GrpcServer({ seam, log, security, limits, onRefused: ({ reason, message }, peer) => log.warn('request_refused', message, { receiver: 'head', reason, peer }) });
  server.addUnaryMethod(samplingPath, async ({ bytes }) => {
    try {
      const answer = answers.of(serviceNameOf(bytes));
      onRequest('ok');
      return answer.protobuf;
    } catch (error) {
      onRequest('bad_request');
      throw error;
    }
  });
  try {
    const port = await server.listen(wanted.host, wanted.port);
    return { address: formatEndpoint({ host: wanted.host, port }), close: () => server.drain(0) };
  } catch (error) {
    throw new CodedError('UNAVAILABLE', 'cannot_listen', `head.grpc.endpoint: cannot listen on ${endpoint}: ${messageOf(error)}`, { cause: error });
  }
}

/** `serviceName` of a SamplingStrategyParameters. Throws INVALID_ARGUMENT / malformed_protobuf. */
function serviceNameOf(bytes: Uint8Array): string {
  const reader = new WireReader(bytes);
  let name = '';
  while (reader.next()) {
    if (reader.is(1, wireTypes.BYTES)) name = reader.string();
    else reader.skip();
  }
  return name;
}
