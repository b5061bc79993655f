import { present } from '../base/assert.ts';
import { CodedError } from '../base/errors.ts';
import type { HeldBatch } from '../store/held-batch.ts';
import type { StoredBody } from '../store/stored-bodies.ts';

/** What is read from the disk at once, at most, but for one batch that is larger. */
const stretchBytesMax = 1 << 20;

/** A part of a window, and the serialised form of its batch, or the promise of it. */
export interface PartWithBody<T> {
  readonly part: T;
  /** Rejects with a CodedError where it cannot be read. */
  readonly bytes: Uint8Array | Promise<Uint8Array>;
}

interface Waiting<T> extends PartWithBody<T> {
  readonly isLast: boolean;
}

/**
 * Gives parts of a window, in their order, with the serialised forms of their batches. Those on the disk are read in stretches of one file, one stretch
 * ahead of the one that is being used; what is in memory is given at once, and no part is taken from `parts` before it is needed.
 */
export class BodyReader<T extends { readonly batch: HeldBatch }> {
  readonly #parts: Iterator<T>;
  readonly #waiting: Waiting<T>[] = [];
  #stretches = 0;
  /** Taken from `parts`, and the first of the next stretch; null where none is, undefined where there are no more. */
  #next: T | null | undefined = null;

  constructor(parts: Iterable<T>) {
    this.#parts = parts[Symbol.iterator]();
  }

  /** The next part; null where there is none. */
  next(): PartWithBody<T> | null {
    if (this.#waiting.length === 0) this.#startStretch();
    if (this.#stretches === 1 && !(this.#waiting[0].bytes instanceof Uint8Array)) this.#startStretch();
    const first = this.#waiting.shift();
    if (first === undefined) return null;
    if (first.isLast) this.#stretches--;
    return first;
  }

  #peek(): T | undefined {
    if (this.#next === null) {
      const { value, done } = this.#parts.next();
      this.#next = done === true ? undefined : value;
    }
    return this.#next;
  }

  #startStretch(): void {
    const first = this.#peek();
    if (first === undefined) return;
    this.#next = null;
    this.#stretches++;
    const { bytes, stored } = first.batch;
    if (stored === null) this.#waiting.push({ part: first, bytes: present(bytes, 'a batch in memory'), isLast: true });
    else this.#read([{ part: first, stored }, ...this.#following(stored)]);
  }

  /** Parts that are read together with the one at `first`. */
  #following(first: StoredBody): { readonly part: T; readonly stored: StoredBody }[] {
    const following: { readonly part: T; readonly stored: StoredBody }[] = [];
    for (let [part, last] = [this.#peek(), first]; part !== undefined; part = this.#peek()) {
      const { stored } = part.batch;
      if (stored === null || !goesOn(first, last, stored)) break;
      following.push({ part, stored });
      last = stored;
      this.#next = null;
    }
    return following;
  }

  #read(stretch: readonly { readonly part: T; readonly stored: StoredBody }[]): void {
    const reading = stretch[0].stored.bodies.read(stretch.map(({ stored }) => stored.place));
    stretch.forEach(({ part }, index) => {
      const bytes = reading.then((bodies) => bodyOf(bodies[index]));
      bytes.catch(() => undefined);
      this.#waiting.push({ part, bytes, isLast: index === stretch.length - 1 });
    });
  }
}

function bodyOf(body: Uint8Array | CodedError): Uint8Array {
  if (body instanceof CodedError) throw body;
  return body;
}

/** Whether what stands at `next` is read together with the stretch from `first` to `last`. */
function goesOn(first: StoredBody, last: StoredBody, next: StoredBody): boolean {
  return next.bodies === first.bodies && next.place.segment === first.place.segment && next.place.at >= last.place.at
    && next.place.at + next.place.bytes - first.place.at <= stretchBytesMax;
}
