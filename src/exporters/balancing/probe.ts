import { connect } from 'node:net';
import { parseEndpoint } from '../../base/endpoint.ts';

const timeoutMs = 1000;

/** Whether somebody listens at `host:port`: a connection is made and closed. Never rejects. */
export function isListening(endpoint: string): Promise<boolean> {
  const at = parseEndpoint(endpoint);
  if (at === null) return Promise.resolve(false);
  return new Promise((resolve) => {
    const socket = connect({ host: at.host, port: at.port, timeout: timeoutMs });
    const end = (isThere: boolean): void => {
      socket.destroy();
      resolve(isThere);
    };
    socket.once('connect', () => end(true)).once('timeout', () => end(false)).once('error', () => end(false));
  });
}
