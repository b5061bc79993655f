import { join } from 'node:path/posix';
import { type Disk, errorCode } from './disk.ts';
import { encodeRecord, recordBody, recordHeaderBytes } from './log-format.ts';
import { replaceFile } from './replace-file.ts';

/** A file as it was saved. */
export interface SideFile {
  readonly name: string;
  readonly body: Uint8Array;
}

/**
 * Small files beside the log, each replaced whole: what would be a pity to lose, and nothing that was promised. So what fails is told to `onFailure`, and goes on
 * without the file; one that is not whole is removed when it is read.
 */
export class SideFiles {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #onFailure: (error: unknown) => void;

  constructor(disk: Disk, directory: string, onFailure: (error: unknown) => void) {
    this.#disk = disk;
    this.#directory = directory;
    this.#onFailure = onFailure;
  }

  /** Never rejects. A crash leaves the file as it was, or as it is now. */
  save(name: string, parts: readonly Uint8Array[]): Promise<void> {
    return this.#trying(async () => {
      await this.#disk.makeDirectory(this.#directory);
      await replaceFile(this.#disk, this.#directory, name, encodeRecord(0, parts));
    });
  }

  /** Those whose names begin so, in the order of their names. Never rejects. */
  async load(prefix: string): Promise<SideFile[]> {
    const found: SideFile[] = [];
    await this.#trying(async () => {
      for (const name of (await this.#names()).filter((each) => each.startsWith(prefix)).sort()) {
        const bytes = await this.#disk.read(join(this.#directory, name));
        const body = bytes.length < recordHeaderBytes ? null : recordBody(bytes);
        if (body === null || name.endsWith('.new')) await this.remove(name);
        else found.push({ name, body });
      }
    });
    return found;
  }

  /** Never rejects. */
  remove(name: string): Promise<void> {
    return this.#trying(async () => {
      if ((await this.#names()).includes(name)) await this.#disk.remove(join(this.#directory, name));
    });
  }

  /** None where the directory is not there. */
  #names(): Promise<string[]> {
    return this.#disk.list(this.#directory).catch((error: unknown) => (errorCode(error) === 'ENOENT' ? [] : Promise.reject(error)));
  }

  async #trying(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#onFailure(error);
    }
  }
}
