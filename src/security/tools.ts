import type { Seam } from '../base/seam.ts';
import type { Logger } from '../telemetry/log.ts';
import type { MetricRegistry } from '../telemetry/metrics.ts';

/** What everything here needs beside its configuration. */
export interface SecurityTools {
  /** Where in the configuration it stands: messages and metrics say it. */
  readonly name: string;
  readonly seam: Seam;
  readonly log: Logger;
  readonly registry: MetricRegistry;
}
