import { duration } from './scalars.ts';
import { option, section } from './section.ts';

/** The time that an orderly end may take. */
export const shutdown = section('What SIGTERM and SIGINT begin: nothing more is taken in, what is open is decided, what is kept is exported. A second signal ends at once.', {
  deadlineMs: option('deadline', duration({ min: 100 }), '5m', 'For all of it. Whatever ends the process (terminationGracePeriodSeconds, TimeoutStopSec) must wait some seconds longer. What is not exported by then is lost and counted, or, with durability, left to the next start.'),
  exporterStallMs: option('exporter_stall', duration({ min: 100 }), '30s', 'An exporter of which nothing is acknowledged for this long is given up before. Longer than retry_on_failure.max_interval, where next hops are often away.'),
});
