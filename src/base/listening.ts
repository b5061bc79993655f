import type { AddressInfo, Server } from 'node:net';
import { CodedError } from './errors.ts';

/** Starts to listen; gives the port. Rejects when the address cannot be had. */
export function listenOn(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

/** Connections beyond `connectionsMax` are closed as they come, and told of; `peer` is `host:port`. */
export function boundConnections(server: Server, connectionsMax: number, onRefused: (error: CodedError, peer: string) => void): void {
  server.maxConnections = connectionsMax;
  server.on('drop', (data) => {
    const error = new CodedError('RESOURCE_EXHAUSTED', 'too_many_connections', `more than ${connectionsMax} connections`);
    onRefused(error, `${data?.remoteAddress ?? 'unknown'}:${data?.remotePort ?? 0}`);
  });
}
