import net from 'node:net';
import { argument, numberIn, textIn } from './children.ts';

/** What a load came to. */
export interface HeadLoad {
  readonly requests: number;
  readonly seconds: number;
  readonly errors: number;
  /** From when a request was due to its whole answer, so that one that waits for its turn counts as slow. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

export interface HeadLoadOptions {
  /** `host:port` of the service. */
  readonly address: string;
  readonly perSecond: number;
  readonly seconds: number;
  readonly connections: number;
  /** Of services, asked for one after the other. */
  readonly names: readonly string[];
}

/** A kept connection with one request under way; others wait in line with the time at which they were due. */
class Connection {
  readonly #socket: net.Socket;
  readonly #waiting: number[] = [];
  readonly #onAnswer: (ms: number, isOk: boolean) => void;
  readonly #request: () => string;
  #dueMs = 0;
  #isBusy = false;

  constructor(address: string, request: () => string, onAnswer: (ms: number, isOk: boolean) => void) {
    const [host, port] = address.split(':');
    this.#socket = net.connect(Number(port), host);
    this.#socket.setNoDelay(true);
    this.#request = request;
    this.#onAnswer = onAnswer;
    this.#socket.on('data', (data) => this.#answered(data));
  }

  get opened(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#socket.once('connect', () => resolve());
      this.#socket.once('error', reject);
    });
  }

  due(atMs: number): void {
    this.#waiting.push(atMs);
    if (!this.#isBusy) this.#next();
  }

  close(): void {
    this.#socket.destroy();
  }

  #next(): void {
    const due = this.#waiting.shift();
    this.#isBusy = due !== undefined;
    if (due === undefined) return;
    this.#dueMs = due;
    this.#socket.write(this.#request());
  }

  /** Answers are smaller than a packet. */
  #answered(data: Buffer): void {
    const text = data.toString('latin1');
    this.#onAnswer(performance.now() - this.#dueMs, text.startsWith('HTTP/1.1 200') && text.endsWith('}'));
    this.#next();
  }
}

/** Asks for strategies at an even rate, whether answers come or not, and gives how long they took. */
export async function headLoad({ address, perSecond, seconds, connections, names }: HeadLoadOptions): Promise<HeadLoad> {
  const latencies: number[] = [];
  let [errors, asked] = [0, 0];
  const request = (): string => `GET /sampling?service=${encodeURIComponent(names[asked++ % names.length])} HTTP/1.1\r\nhost: bench\r\n\r\n`;
  const all = Array.from({ length: connections }, () => new Connection(address, request, (ms, isOk) => {
    latencies.push(ms);
    if (!isOk) errors++;
  }));
  await Promise.all(all.map(({ opened }) => opened));
  const total = Math.round(perSecond * seconds);
  const startMs = performance.now();
  for (let sent = 0; sent < total;) {
    const wanted = Math.min(total, Math.floor(((performance.now() - startMs) / 1000) * perSecond));
    for (; sent < wanted; sent++) all[sent % connections].due(startMs + (sent / perSecond) * 1000);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  for (let waits = 0; latencies.length < total && waits < 10_000; waits++) await new Promise((resolve) => setTimeout(resolve, 1));
  const elapsed = (performance.now() - startMs) / 1000;
  for (const connection of all) connection.close();
  latencies.sort((a, b) => a - b);
  const at = (share: number): number => latencies[Math.min(latencies.length - 1, Math.floor(share * latencies.length))] ?? NaN;
  return { requests: latencies.length, seconds: elapsed, errors: errors + total - latencies.length, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) };
}

if (process.send !== undefined && process.argv[1].endsWith('head-load.ts')) {
  const options = argument();
  process.send(await headLoad({
    address: textIn(options, 'address'), perSecond: numberIn(options, 'perSecond'), seconds: numberIn(options, 'seconds'), connections: numberIn(options, 'connections'),
    names: textIn(options, 'names').split('\n') }));
}
