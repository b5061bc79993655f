import type { Duplex } from 'node:stream';
import { Socket } from 'node:net';

/** `host:port` of a connection's other end, for logs; `unknown` once it is closed. */
export function peerOf(socket: Duplex | undefined): string {
  if (!(socket instanceof Socket) || socket.remoteAddress === undefined) return 'unknown';
  return `${socket.remoteAddress}:${socket.remotePort ?? 0}`;
}
