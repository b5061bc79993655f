import type { Socket } from 'node:net';
import { peerOf } from '../base/peer.ts';

/** The TLS handshakes under way of one server, bounded: beyond `handshakesMax` the oldest ends, so that clients that say nothing keep nobody out. */
export class Handshakes {
  readonly #max: number;
  readonly #onTooMany: (peer: string) => void;
  /** By peer, oldest first. */
  readonly #underWay = new Map<string, Socket>();
  /** Peers of those that have just ended by themselves; two stand for more. */
  readonly #ended: string[] = [];
  /** Handshakes that were ended here and that Node has not told of yet. */
  #cut = 0;

  constructor(handshakesMax: number, onTooMany: (peer: string) => void) {
    this.#max = handshakesMax;
    this.#onTooMany = onTooMany;
  }

  begin(socket: Socket): void {
    const peer = peerOf(socket);
    this.#underWay.set(peer, socket);
    socket.once('close', () => {
      if (this.#underWay.get(peer) !== socket) return;
      this.#underWay.delete(peer);
      if (this.#ended.length < 2) this.#ended.push(peer);
    });
    if (this.#underWay.size > this.#max) this.#cutOldest();
  }

  succeeded(socket: Socket): void {
    this.#underWay.delete(peerOf(socket));
  }

  /**
   * Whose handshake failed; null where it was ended here. A socket that Node has destroyed no longer says whose it was: where one handshake alone
   * has just ended, it was that.
   */
  failed(socket: Socket): string | null {
    if (socket.remoteAddress !== undefined) {
      this.#underWay.delete(peerOf(socket));
      return peerOf(socket);
    }
    const ended = this.#ended.splice(0);
    if (ended.length === 0 && this.#cut > 0) {
      this.#cut--;
      return null;
    }
    return ended.length === 1 ? ended[0] : 'unknown';
  }

  /** Ends all of them. */
  drop(): void {
    for (const socket of this.#underWay.values()) socket.destroy();
  }

  #cutOldest(): void {
    for (const [peer, socket] of this.#underWay) {
      this.#underWay.delete(peer);
      this.#cut++;
      this.#onTooMany(peer);
      socket.destroy();
      return;
    }
  }
}
