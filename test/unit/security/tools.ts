import { seededSeam } from '../../../src/base/seam.ts';
import type { SecurityTools } from '../../../src/security/tools.ts';
import { createLogger } from '../../../src/telemetry/log.ts';
import { MetricRegistry } from '../../../src/telemetry/metrics.ts';

/** Tools of a component `here` whose time stands still, and what was logged. */
export function testTools(): SecurityTools & { readonly logged: string[]; readonly seam: ReturnType<typeof seededSeam> } {
  const seam = seededSeam(1);
  const logged: string[] = [];
  return { name: 'here', seam, registry: new MetricRegistry(), logged, log: createLogger({ seam, level: 'debug', format: 'json', write: (line) => logged.push(line), linesMax: 1000 }) };
}
