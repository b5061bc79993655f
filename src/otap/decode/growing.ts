/** Bytes that only ever grow at the end. The first array is adopted where it has its memory for itself; later ones double. */
export class GrowingBytes {
  bytes: Uint8Array = new Uint8Array(0);
  used = 0;

  append(added: Uint8Array): void {
    if (this.used === 0) this.bytes = added.length === added.buffer.byteLength ? added : added.slice();
    else {
      this.#reserve(added.length);
      this.bytes.set(added, this.used);
    }
    this.used += added.length;
  }

  #reserve(added: number): void {
    if (this.used + added <= this.bytes.length) return;
    const larger = new Uint8Array(Math.max(this.used + added, this.used * 2, 64));
    larger.set(this.bytes.subarray(0, this.used));
    this.bytes = larger;
  }
}

/** Rising offsets that only ever grow at the end, starting with 0. */
export class GrowingOffsets {
  offsets: Int32Array = new Int32Array(1);
  /** Entries, one less than offsets. */
  count = 0;

  /** Appends the entries of `added`, its offsets moved so that the first is where the last entry ended. */
  append(added: Int32Array): void {
    const entries = added.length - 1;
    const move = this.offsets[this.count] - added[0];
    this.#reserve(entries);
    for (let index = 1; index <= entries; index++) this.offsets[this.count + index] = added[index] + move;
    this.count += entries;
  }

  #reserve(added: number): void {
    const needed = this.count + added + 1;
    if (needed <= this.offsets.length) return;
    const larger = new Int32Array(this.count === 0 ? needed : Math.max(needed, this.offsets.length * 2));
    larger.set(this.offsets.subarray(0, this.count + 1));
    this.offsets = larger;
  }
}
