import type { ServerHttp2Session } from 'node:http2';
import type { Seam } from '../base/seam.ts';

/** Bounds of a connection that stays open; see GrpcServerLimits. */
export interface ConnectionLimits {
  readonly pingIntervalMs: number;
  readonly pingTimeoutMs: number;
  readonly idleMs: number;
}

/**
 * Watches one connection until it closes: a peer that vanished without a FIN is found by a ping, one that holds a
 * connection without streams is sent away. Never rejects.
 */
export async function guardConnection(session: ServerHttp2Session, seam: Seam, limits: ConnectionLimits): Promise<void> {
  const closed = new AbortController();
  session.once('close', () => closed.abort());
  const streams = countStreams(session, seam);
  try {
    while (!closed.signal.aborted) {
      await seam.sleepMs(Math.min(limits.pingIntervalMs, limits.idleMs), closed.signal);
      if (streams.open === 0 && seam.monotonicMs() - streams.idleSinceMs >= limits.idleMs) session.close();
      else if (!(await answersPing(session, seam, limits.pingTimeoutMs))) session.destroy();
    }
  } catch {
    // The sleep was aborted: the connection has closed.
  }
}

function countStreams(session: ServerHttp2Session, seam: Seam): { open: number; idleSinceMs: number } {
  const streams = { open: 0, idleSinceMs: seam.monotonicMs() };
  session.on('stream', (stream) => {
    streams.open++;
    stream.once('close', () => {
      streams.open--;
      streams.idleSinceMs = seam.monotonicMs();
    });
  });
  return streams;
}

async function answersPing(session: ServerHttp2Session, seam: Seam, timeoutMs: number): Promise<boolean> {
  if (session.destroyed) return false;
  const answered = new AbortController();
  const answer = new Promise<boolean>((resolve) => {
    const sent = session.ping((error) => resolve(error === null));
    if (!sent) resolve(false);
  });
  const timeout = seam.sleepMs(timeoutMs, answered.signal).then(() => false, () => false);
  const alive = await Promise.race([answer, timeout]);
  answered.abort();
  return alive;
}
