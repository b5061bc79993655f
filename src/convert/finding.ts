/** `error`: something is left out. `warning`: it does something else. `note`: good to know. */
export type Severity = 'error' | 'warning' | 'note';

/** What of a configuration has no equal, or not the same one, and why. */
export interface Finding {
  readonly severity: Severity;
  /** Where it stands in the configuration: `processors.tail_sampling.policies[2]`. */
  readonly place: string;
  readonly message: string;
}

/** A part of a configuration that cannot be said in SQL; whoever converts the policy around it reports it. */
export class NoEqual extends Error {
  override readonly name = 'NoEqual';
}

/** Collects what is found on the way. */
export class Findings {
  readonly all: Finding[] = [];

  error(place: string, message: string): void {
    this.all.push({ severity: 'error', place, message });
  }

  warning(place: string, message: string): void {
    this.all.push({ severity: 'warning', place, message });
  }

  note(place: string, message: string): void {
    this.all.push({ severity: 'note', place, message });
  }

  /** What `convert` gives, or null, with an error, where it throws NoEqual. */
  attempt<T>(place: string, convert: () => T): T | null {
    try {
      return convert();
    } catch (error) {
      if (!(error instanceof NoEqual)) throw error;
      this.error(place, `not converted: ${error.message}`);
      return null;
    }
  }
}
