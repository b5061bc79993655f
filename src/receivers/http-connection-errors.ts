import type { CodedError } from '../base/errors.ts';
import { HttpRefusal } from './http-answer.ts';

const closing = { connection: 'close' };

/**
 * What answers an error of node's HTTP parser or of its timers ('clientError' of http.Server); null where nobody is there any more to be
 * answered. The connection must be closed after the answer.
 */
export function connectionRefusal(error: Error): CodedError | null {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  switch (code) {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new HttpRefusal(408, 'DEADLINE_EXCEEDED', 'request_timeout', 'the request took too long to come', closing);
    case 'HPE_HEADER_OVERFLOW':
      return new HttpRefusal(431, 'INVALID_ARGUMENT', 'headers_too_large', 'the head of the request is too large', closing);
    case 'HPE_INVALID_EOF_STATE':
      return new HttpRefusal(400, 'INVALID_ARGUMENT', 'truncated_request', 'the connection was closed within the request', closing);
    case 'HPE_PAUSED_H2_UPGRADE':
      return new HttpRefusal(400, 'INVALID_ARGUMENT', 'http2_preface', 'HTTP/2 is not served here; gRPC has a port of its own', closing);
    default:
      return code.startsWith('HPE_') ? new HttpRefusal(400, 'INVALID_ARGUMENT', 'malformed_http', `no HTTP/1.1: ${error.message}`, closing) : null;
  }
}
