import type { Seam } from '../base/seam.ts';
import type { TextSink } from './command.ts';

const redrawMs = 100;

/** A bar with share done and time left, drawn on a terminal only. */
export class ProgressBar {
  readonly #sink: TextSink;
  readonly #seam: Seam;
  readonly #startMs: number;
  #drawnMs = -Infinity;

  constructor(sink: TextSink, seam: Seam) {
    this.#sink = sink;
    this.#seam = seam;
    this.#startMs = seam.monotonicMs();
  }

  /** `share`: 0 to 1. */
  update(share: number): void {
    const nowMs = this.#seam.monotonicMs();
    if (this.#sink.isTTY !== true || nowMs - this.#drawnMs < redrawMs) return;
    this.#drawnMs = nowMs;
    const width = Math.max(10, Math.min(40, (this.#sink.columns ?? 80) - 30));
    const filled = Math.round(share * width);
    const leftS = share > 0 ? Math.ceil(((nowMs - this.#startMs) / share) * (1 - share) / 1000) : 0;
    this.#sink.write(`\r[${'#'.repeat(filled)}${'.'.repeat(width - filled)}] ${(share * 100).toFixed(0).padStart(3)} %  ${leftS} s left  `);
  }

  end(): void {
    if (this.#sink.isTTY === true && this.#drawnMs > 0) this.#sink.write('\r\u001b[K');
  }
}
