/** An endpoint that asks for a longer rest gets this, so that none is lost for good. */
const restMsMax = 600_000;

/** Servers that take turns; one that could not answer rests while others are there. */
export class EndpointRing<E> {
  readonly #endpoints: readonly E[];
  readonly #restsUntilMs: number[];
  #next = 0;

  /** `endpoints` must not be empty. */
  constructor(endpoints: readonly E[]) {
    this.#endpoints = endpoints;
    this.#restsUntilMs = endpoints.map(() => 0);
  }

  /** How long until one may be used. */
  waitMs(nowMs: number): number {
    return Math.max(0, Math.min(...this.#restsUntilMs) - nowMs);
  }

  /** The next one in turn that does not rest; the one whose turn it is when all do. */
  take(nowMs: number): E {
    const { length } = this.#endpoints;
    for (let step = 0; step < length; step++) {
      const index = (this.#next + step) % length;
      if (this.#restsUntilMs[index] > nowMs) continue;
      this.#next = (index + 1) % length;
      return this.#endpoints[index];
    }
    const index = this.#next;
    this.#next = (index + 1) % length;
    return this.#endpoints[index];
  }

  /** Leaves an endpoint alone until `nowMs + forMs`, or as long as it was asked to be before. */
  rest(endpoint: E, nowMs: number, forMs: number): void {
    const index = this.#endpoints.indexOf(endpoint);
    this.#restsUntilMs[index] = Math.max(this.#restsUntilMs[index], nowMs + Math.min(forMs, restMsMax));
  }
}
