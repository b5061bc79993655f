import { assert } from '../../base/assert.ts';
import type { BufferSource } from '../../otap/ipc/buffer-source.ts';
import { checkCount } from './limits.ts';

const firstRoom = 16;
const nothing = new Int32Array(0);

/** Int32 memory of a batch; what is in it is not defined. */
export function int32Memory(source: BufferSource, length: number): Int32Array {
  const { buffer, byteOffset } = source.take(length * 4);
  return new Int32Array(buffer, byteOffset, length);
}

/** Where messages of one kind lie in a request: bytes [starts[i], ends[i]), part of row owners[i] of what they lie in. */
export class Ranges {
  starts: Int32Array = nothing;
  ends: Int32Array = nothing;
  owners: Int32Array = nothing;
  count = 0;
  readonly #what: string;
  readonly #source: BufferSource;
  readonly #countMax: number;
  readonly #room: number;

  /** `what` they are, for errors; at most `countMax`, perhaps about `room`. */
  constructor(what: string, source: BufferSource, countMax: number, room = firstRoom) {
    this.#what = what;
    this.#source = source;
    this.#countMax = countMax;
    this.#room = room;
  }

  /** Throws INVALID_ARGUMENT / over_limit. */
  push(start: number, end: number, owner: number): void {
    const at = this.count;
    if (at === this.starts.length) this.#grow();
    this.starts[at] = start;
    this.ends[at] = end;
    this.owners[at] = owner;
    this.count = at + 1;
  }

  /** Leaves nothing in ranges but in `kept`, which ascend. */
  emptyOthers(kept: Uint32Array): void {
    const { starts, ends } = this;
    let at = 0;
    for (let index = 0; index < this.count; index++) {
      if (kept[at] === index) at++;
      else ends[index] = starts[index];
    }
    assert(at === kept.length, 'rows that are wanted do not ascend, or are not there');
  }

  /** The owners as ids of a table: the same memory, without the room to grow. */
  ownerIds(): Uint32Array {
    return new Uint32Array(this.owners.buffer, this.owners.byteOffset, this.count);
  }

  #grow(): void {
    checkCount(this.#what, this.count + 1, this.#countMax);
    const length = Math.max(firstRoom, this.#room, this.count * 2);
    this.starts = grown(this.#source, this.starts, length);
    this.ends = grown(this.#source, this.ends, length);
    this.owners = grown(this.#source, this.owners, length);
  }
}

function grown(source: BufferSource, from: Int32Array, length: number): Int32Array {
  const to = int32Memory(source, length);
  to.set(from);
  return to;
}
