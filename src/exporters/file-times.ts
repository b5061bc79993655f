/** Times for the names of files that follow each other. No two are the same: the second file would replace the first. */
export class FileTimes {
  #lastMs = 0;

  /** The time, UTC: 20261121T174100.123Z; a later one where that was given already. */
  next(unixMs: number): string {
    this.#lastMs = Math.max(unixMs, this.#lastMs + 1);
    return new Date(this.#lastMs).toISOString().replaceAll(/[-:]/g, '');
  }
}
