/**
 * The seam to the file system: all that the log needs of one, so that tests can give it a disk that loses, fails and fills up. Errors are
 * those of the system, with its `code` (ENOSPC, EROFS, EIO ...). What is written may be lost by a crash of the machine until `sync` of the
 * file, and the name of a created, renamed or removed file until `syncDirectory`. A crash of the process alone loses nothing that was written.
 */
export interface Disk {
  /** Creates a directory and those above it, where they are not there. */
  makeDirectory(path: string): Promise<void>;
  /** Names of the files in a directory, in no order. */
  list(path: string): Promise<string[]>;
  /** Creates a file that is not there yet, to be written. */
  create(path: string): Promise<DiskFile>;
  /** All bytes of a file. */
  read(path: string): Promise<Uint8Array>;
  /** Opens a file that is there, to be read in parts. */
  open(path: string): Promise<DiskReading>;
  size(path: string): Promise<number>;
  /** Takes the place of what has the new name. */
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  syncDirectory(path: string): Promise<void>;
  /** Bytes that the file system has left for us. */
  freeBytes(path: string): Promise<number>;
}

/** A file that is being written. */
export interface DiskFile {
  /** Writes at byte `at`; returns how many bytes were written, which may be fewer than were given. */
  write(bytes: Uint8Array, at: number): Promise<number>;
  /** Resolves when all that was written is durable (fdatasync). After a failure nobody knows what of it is. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** A file that is read in parts. */
export interface DiskReading {
  /** Fills `into` with what stands at byte `at`; returns how many bytes there were, fewer only where the file ends. */
  read(into: Uint8Array, at: number): Promise<number>;
  close(): Promise<void>;
}

/** The system's word for what went wrong, as ENOSPC; empty where it has none. */
export function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
