/** Something that holds memory for items on their way. */
export type Holding = () => number;

/**
 * The intake's byte budget: what is held in retained batches, slots' tables and exporters' queues together. At the
 * limit, senders are told to come again.
 */
export class MemoryBudget {
  readonly limitBytes: number;
  readonly #holdings: readonly Holding[];

  constructor(limitBytes: number, holdings: readonly Holding[]) {
    this.limitBytes = limitBytes;
    this.#holdings = holdings;
  }

  get heldBytes(): number {
    return this.#holdings.reduce((sum, holding) => sum + holding(), 0);
  }

  hasRoom(bytes: number): boolean {
    return this.heldBytes + bytes <= this.limitBytes;
  }
}
