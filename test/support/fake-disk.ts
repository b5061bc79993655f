import { dirname } from 'node:path/posix';
import { draws } from '../../src/base/draws.ts';
import type { Disk, DiskFile, DiskReading } from '../../src/storage/disk.ts';

/** Chances of faults, each from 0 to 1, and what the disk is like. Change them while it runs. */
export interface DiskFaults {
  /** A write takes fewer bytes than it was given. */
  shortWrite: number;
  /** A write fails with EIO; part of it may be on the disk. */
  writeError: number;
  /** A sync fails with EIO, and some of what it should have made durable never will be. */
  syncError: number;
  /** Bytes that all files together may have; writes beyond fail with ENOSPC. */
  capacityBytes: number;
  /** All that changes something fails with EROFS. */
  isReadOnly: boolean;
  /** Reading a part of a file fails with EIO. */
  readError: number;
  /** The machine or the process is gone at the n-th operation that changes something from now (1 is the next); 0: never. */
  crashAfterOperations: number;
}

const noFaults: DiskFaults = { shortWrite: 0, writeError: 0, syncError: 0, capacityBytes: Infinity, isReadOnly: false, readError: 0, crashAfterOperations: 0 };

/** Everything that is tried on a disk after the crash ends with this: whoever ran is dead. */
export class DiskCrashed extends Error {
  constructor() {
    super('the disk is gone: the process crashed');
  }
}

interface Inode {
  bytes: Uint8Array;
  /** What a crash of the machine leaves for sure. */
  durable: Uint8Array;
  /** Writes since the last sync. */
  unsynced: { readonly at: number; readonly bytes: Uint8Array }[];
}

/** Names that changed together since their directory was synced, and what they stood for before. */
interface NameChange {
  readonly directory: string;
  readonly before: ReadonlyMap<string, Inode | null>;
}

/**
 * A disk in memory with faults by seed. A crash is either of the process (`kill`: all that was written stays) or of the machine (`powerLoss`: writes
 * since the last sync stay whole, in part or not at all, names since the last sync of their directory may be as before). After either the same
 * disk is used again by `restart`, whose result is the disk that the next process gets.
 */
export class FakeDisk implements Disk {
  readonly faults: DiskFaults;
  /** How often each fault was injected. */
  readonly injected = { shortWrite: 0, writeError: 0, syncError: 0, full: 0, readOnly: 0, readError: 0, crash: 0 };
  /** Operations so far that change something. */
  operations = 0;
  /** Whether power was lost before, so that what was never synced may be there in pieces, in the middle of a file too. */
  hadPowerLoss = false;
  readonly #draw: () => number;
  readonly #seed: number;
  #names = new Map<string, Inode>();
  #changes: NameChange[] = [];
  #isDead = false;

  constructor(seed: number, faults: Partial<DiskFaults> = {}) {
    this.#seed = seed;
    this.#draw = draws(seed);
    this.faults = { ...noFaults, ...faults };
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  /** The process is gone at once: all that is tried from here on fails. */
  die(): void {
    this.#isDead = true;
  }

  /** The disk as the next process finds it, without faults. */
  restart(by: 'kill' | 'powerLoss'): FakeDisk {
    this.#isDead = true;
    const next = new FakeDisk((this.#seed + 0x9e3779b9) >>> 0);
    next.hadPowerLoss = this.hadPowerLoss || by === 'powerLoss';
    const names = new Map(this.#names);
    if (by === 'powerLoss') for (const { before } of [...this.#changes].reverse()) if (this.#draw() < 0.5) setNames(names, before);
    for (const [path, inode] of names) next.#names.set(path, fresh(by === 'kill' ? inode.bytes : this.#afterPowerLoss(inode)));
    return next;
  }

  /** Bytes of all files. */
  get usedBytes(): number {
    let bytes = 0;
    for (const inode of this.#names.values()) bytes += inode.bytes.length;
    return bytes;
  }

  /** Changes a byte that was written long ago. */
  corrupt(path: string, at: number): void {
    const inode = this.#inode(path);
    inode.bytes[at] ^= 0xff;
    if (at < inode.durable.length) inode.durable[at] = inode.bytes[at];
  }

  async makeDirectory(): Promise<void> {
    await this.#operation(false);
  }

  async list(path: string): Promise<string[]> {
    this.#alive();
    return [...this.#names.keys()].filter((name) => dirname(name) === path).map((name) => name.slice(path.length + 1));
  }

  async create(path: string): Promise<DiskFile> {
    await this.#operation();
    if (this.#names.has(path)) throw systemError('EEXIST', path);
    const inode = fresh(new Uint8Array(0));
    this.#change(new Map([[path, inode]]));
    return {
      write: (bytes, at) => this.#write(inode, bytes, at),
      sync: () => this.#sync(inode),
      close: async () => this.#alive(),
    };
  }

  async read(path: string): Promise<Uint8Array> {
    this.#alive();
    return this.#inode(path).bytes.slice();
  }

  async open(path: string): Promise<DiskReading> {
    this.#alive();
    const inode = this.#inode(path);
    return {
      read: async (into, at) => {
        this.#alive();
        if (this.#happens(this.faults.readError)) {
          this.injected.readError++;
          throw systemError('EIO', 'read');
        }
        const found = inode.bytes.subarray(at, at + into.length);
        into.set(found);
        return found.length;
      },
      close: async () => {},
    };
  }

  async size(path: string): Promise<number> {
    this.#alive();
    return this.#inode(path).bytes.length;
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#operation();
    const inode = this.#inode(from);
    this.#change(new Map([[to, inode], [from, null]]));
  }

  async remove(path: string): Promise<void> {
    await this.#operation();
    this.#inode(path);
    this.#change(new Map([[path, null]]));
  }

  async syncDirectory(path: string): Promise<void> {
    await this.#operation(false);
    this.#changes = this.#changes.filter(({ directory }) => directory !== path);
  }

  async freeBytes(): Promise<number> {
    this.#alive();
    return Math.max(0, this.faults.capacityBytes - this.usedBytes);
  }

  async #write(inode: Inode, bytes: Uint8Array, at: number): Promise<number> {
    if (this.faults.crashAfterOperations === 1) place(inode, bytes.slice(0, Math.floor(this.#draw() * (bytes.length + 1))), at);
    await this.#operation();
    const room = this.faults.capacityBytes - this.usedBytes + Math.max(0, inode.bytes.length - at);
    if (room <= 0 && bytes.length > 0) {
      this.injected.full++;
      throw systemError('ENOSPC', 'write');
    }
    if (this.#happens(this.faults.writeError)) {
      this.injected.writeError++;
      place(inode, bytes.slice(0, Math.floor(this.#draw() * (Math.min(bytes.length, room) + 1))), at);
      throw systemError('EIO', 'write');
    }
    let count = Math.min(bytes.length, room);
    if (count > 1 && this.#happens(this.faults.shortWrite)) {
      this.injected.shortWrite++;
      count = 1 + Math.floor(this.#draw() * (count - 1));
    }
    place(inode, bytes.slice(0, count), at);
    return count;
  }

  async #sync(inode: Inode): Promise<void> {
    await this.#operation(false);
    if (this.#happens(this.faults.syncError)) {
      this.injected.syncError++;
      inode.durable = this.#afterPowerLoss(inode);
      inode.unsynced = [];
      throw systemError('EIO', 'fdatasync');
    }
    inode.durable = inode.bytes.slice();
    inode.unsynced = [];
  }

  /** Each write since the last sync whole, in part or not at all. */
  #afterPowerLoss({ durable, unsynced }: Inode): Uint8Array {
    const left = fresh(durable);
    for (const { at, bytes } of unsynced) {
      const fate = this.#draw();
      const count = fate < 1 / 3 ? 0 : fate < 2 / 3 ? bytes.length : Math.floor(this.#draw() * bytes.length);
      if (count > 0) place(left, bytes.slice(0, count), at);
    }
    return left.bytes;
  }

  #change(names: ReadonlyMap<string, Inode | null>): void {
    const paths = [...names.keys()];
    this.#changes.push({ directory: dirname(paths[0]), before: new Map(paths.map((path) => [path, this.#names.get(path) ?? null])) });
    setNames(this.#names, names);
  }

  #inode(path: string): Inode {
    const inode = this.#names.get(path);
    if (inode === undefined) throw systemError('ENOENT', path);
    return inode;
  }

  /** One that changes something: it may be the last. `changes` false: it can be done on a full or read-only disk. */
  async #operation(changes = true): Promise<void> {
    this.#alive();
    this.operations++;
    if (this.faults.crashAfterOperations > 0 && --this.faults.crashAfterOperations === 0) {
      this.injected.crash++;
      this.#isDead = true;
    }
    this.#alive();
    if (changes && this.faults.isReadOnly) {
      this.injected.readOnly++;
      throw systemError('EROFS', 'write');
    }
  }

  #alive(): void {
    if (this.#isDead) throw new DiskCrashed();
  }

  #happens(chance: number): boolean {
    return chance > 0 && this.#draw() < chance;
  }
}

function fresh(bytes: Uint8Array): Inode {
  return { bytes: bytes.slice(), durable: bytes.slice(), unsynced: [] };
}

function setNames(names: Map<string, Inode>, to: ReadonlyMap<string, Inode | null>): void {
  for (const [path, inode] of to) {
    if (inode === null) names.delete(path);
    else names.set(path, inode);
  }
}

function place(inode: Inode, bytes: Uint8Array, at: number): void {
  if (inode.bytes.length < at + bytes.length) {
    const grown = new Uint8Array(at + bytes.length);
    grown.set(inode.bytes);
    inode.bytes = grown;
  }
  inode.bytes.set(bytes, at);
  inode.unsynced.push({ at, bytes });
}

function systemError(code: string, what: string): Error {
  return Object.assign(new Error(`${code}: ${what}`), { code });
}
