import type http from 'node:http';
import type https from 'node:https';
import { Server as TlsServer } from 'node:tls';
import type { Duplex } from 'node:stream';
import type { Socket } from 'node:net';
import { peerOf } from '../base/peer.ts';
import { answerText } from './http-answer.ts';
import type { BodyReading } from './http-body.ts';
import { connectionRefusal } from './http-connection-errors.ts';
import type { OnRefused } from './refusals.ts';

interface Connection {
  /** Requests that are not answered. */
  underWay: number;
  /** The body that is being read. */
  reading: BodyReading | null;
}

/** The connections of one server: those that nobody uses can be closed, and what goes wrong on one ends the request on it with a status. */
export class HttpConnections {
  readonly #connections = new Map<Duplex, Connection>();
  readonly #onRefused: OnRefused;

  constructor(server: http.Server | https.Server, onRefused: OnRefused) {
    this.#onRefused = onRefused;
    server.on(server instanceof TlsServer ? 'secureConnection' : 'connection', (socket: Socket) => {
      this.#connections.set(socket, { underWay: 0, reading: null });
      socket.once('close', () => this.#connections.delete(socket));
    });
    server.on('clientError', (error: Error, socket: Duplex) => this.#onClientError(error, socket));
  }

  begin(socket: Duplex): void {
    const connection = this.#connections.get(socket);
    if (connection !== undefined) connection.underWay++;
  }

  /** The body that is being read on a connection, or null when it is there. */
  reading(socket: Duplex, reading: BodyReading | null): void {
    const connection = this.#connections.get(socket);
    if (connection !== undefined) connection.reading = reading;
  }

  /** A request is answered, or its client gone. */
  end(socket: Duplex, closes: boolean): void {
    const connection = this.#connections.get(socket);
    if (connection === undefined) return;
    connection.underWay--;
    if (closes && connection.underWay === 0) socket.end();
  }

  /** Closes the connections without a request under way. */
  closeIdle(): void {
    for (const [socket, { underWay }] of this.#connections) if (underWay === 0) socket.destroy();
  }

  /** What node's parser and its timers say: of the body that is being read, or of a request that has not begun. */
  #onClientError(error: Error, socket: Duplex): void {
    const refusal = connectionRefusal(error);
    const connection = this.#connections.get(socket);
    if (refusal === null || connection === undefined || !socket.writable) {
      socket.destroy();
      return;
    }
    if (connection.underWay > 0 && connection.reading !== null) {
      connection.reading.fail(refusal);
      return;
    }
    this.#onRefused(refusal, peerOf(socket));
    if (connection.underWay === 0) socket.end(answerText(refusal));
    else socket.destroy();
  }
}
