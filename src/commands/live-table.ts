import type { Seam } from '../base/seam.ts';
import type { ServiceTally, TallyObserver } from '../pipeline/tally.ts';
import type { TextSink } from './command.ts';

const redrawMs = 1000;
const servicesShown = 20;

/** Where is listened, each `host:port`. */
interface Addresses {
  readonly grpc: readonly string[];
  readonly otlpHttp: readonly string[];
  readonly http: string;
}

/** A table on the terminal, drawn anew each second: what came, what is kept, and what that says of what came. */
export class LiveTable {
  readonly #observer: TallyObserver;
  readonly #addresses: Addresses;
  readonly #sink: TextSink;
  readonly #seam: Seam;
  readonly #stop = new AbortController();
  readonly #startMs: number;

  constructor(observer: TallyObserver, addresses: Addresses, sink: TextSink, seam: Seam) {
    this.#observer = observer;
    this.#addresses = addresses;
    this.#sink = sink;
    this.#seam = seam;
    this.#startMs = seam.monotonicMs();
  }

  get addresses(): Addresses {
    return this.#addresses;
  }

  start(): void {
    void this.#loop();
  }

  stop(): void {
    this.#stop.abort();
    this.#draw();
  }

  async #loop(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      this.#draw();
      await this.#seam.sleepMs(this.#sink.isTTY === true ? redrawMs : redrawMs * 10, this.#stop.signal).catch(() => undefined);
    }
  }

  #draw(): void {
    const lines = liveLines(this.#observer, this.#addresses, (this.#seam.monotonicMs() - this.#startMs) / 1000);
    const home = this.#sink.isTTY === true ? '\u001b[H\u001b[J' : '';
    this.#sink.write(`${home}${lines.join('\n')}\n`);
  }
}

/** The table as lines. Services are those of decided windows. */
export function liveLines(observer: TallyObserver, addresses: Addresses, elapsedS: number): string[] {
  const { traces, logs } = observer.bySignal;
  const services = [...observer.services].sort(([, a], [, b]) => b.items - a.items);
  return [
    `thresher  OTLP and OTAP on ${addresses.grpc.join(', ') || 'no port'}, OTLP/HTTP on ${addresses.otlpHttp.join(', ') || 'no port'}   http://${addresses.http}/metrics   up ${elapsedS.toFixed(0)} s   Ctrl-C ends`,
    '',
    `${'signal'.padEnd(24)}${head()}`,
    row('spans', { ...traces, items: traces.decided, truth: traces.decidedTruth }),
    row('log records', { ...logs, items: logs.decided, truth: logs.decidedTruth }),
    `${String(traces.items - traces.decided + logs.items - logs.decided).padStart(34)}  wait for their window`,
    '',
    `${'service (decided spans)'.padEnd(24)}${head()}`,
    ...services.slice(0, servicesShown).map(([name, tally]) => row(name, tally)),
    ...(services.length > servicesShown ? [`and ${services.length - servicesShown} more`] : []),
  ];
}

function head(): string {
  return ['in', 'kept', 'share', 'estimate', 'truth', 'error'].map((name) => name.padStart(11)).join('');
}

function row(name: string, tally: ServiceTally): string {
  const share = tally.items === 0 ? '' : `${((100 * tally.kept) / tally.items).toFixed(1)} %`;
  const error = tally.truth === 0 ? '' : `${((100 * (tally.estimate - tally.truth)) / tally.truth).toFixed(1)} %`;
  const cells = [String(tally.items), String(tally.kept), share, tally.estimate.toFixed(0), tally.truth.toFixed(0), error];
  return name.slice(0, 23).padEnd(24) + cells.map((cell) => cell.padStart(11)).join('');
}
