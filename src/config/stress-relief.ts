import { duration, flag, number } from './scalars.ts';
import { option, section } from './section.ts';

/** Options of stress relief (pipeline/stress-relief.ts). */
export const stressRelief = section('Under more load than policies, CPU or memory follow, less is taken in: consistently by trace, with a threshold on each item, so that counts stay right.', {
  enabled: option('enabled', flag, false, 'Without it what is too much waits, or is refused, and senders come again.'),
  probabilityMin: option('probability_min', number({ min: 0.0001, max: 1 }), 0.01, 'Least probability that anything is taken in with.'),
  windowLoad: option('window_load', number({ min: 0.1, max: 1 }), 0.8, 'Deciding a window should take no more than this part of its length.'),
  loopDelayMs: option('event_loop_delay', duration({ min: 10 }), '200ms', 'The main thread should be no later than this, in the mean over a second.'),
  memory: option('memory', number({ min: 0.1, max: 1 }), 0.9, 'Memory should be no fuller than this part of its limit. Above memory.soft_limit, where windows close early.'),
  recoveryMs: option('recovery', duration({ min: 1000 }), '2m', 'The probability doubles in no less than this. Three times as long as a window and its wait, or longer, lets it settle.'),
});
