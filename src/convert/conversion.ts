import type { Finding } from './finding.ts';
import type { WrittenFile } from './policy-file.ts';

/** What came of a configuration. */
export interface Conversion {
  /** Policies in their order, and thresher.yaml. */
  readonly files: readonly WrittenFile[];
  readonly findings: readonly Finding[];
}

export interface ConversionRequest {
  /** The configuration, as YAML gives it. */
  readonly value: unknown;
  /** What comments call it. */
  readonly source: string;
  /** Which processor, or which sampler, where there are several; null for the only one, or the default one. */
  readonly select: string | null;
  readonly bytesPerSpan: number;
}
