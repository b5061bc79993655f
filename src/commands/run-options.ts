import { duration, integer, number, oneOf } from '../config/scalars.ts';
import { option, optional } from '../config/section.ts';

/** How a command that runs policies over recorded telemetry cuts windows, and what stands for chance. */
export const runOptions = {
  windowMs: option('window', duration({ min: 1 }), '10s', 'Length of a window.'),
  decisionWaitMs: option('decision_wait', duration(), '30s', 'How long after its end a window of traces still waits for spans.'),
  inputWithoutThreshold: option('input_without_threshold', oneOf('unsampled', 'unknown'), 'unsampled', 'What an item stands for that says nothing of sampling.'),
  fallback: option('fallback_probability', number({ min: 0, max: 1 }), 1, 'Probability of all items of a window whose policy failed.'),
  deadlineMs: option('deadline', duration({ min: 10 }), '10m', 'Longest time that a policy may take over a window.'),
  seed: optional('seed', integer({ min: 0, max: 2 ** 32 - 1 }), 'Keys the hash that gives items without randomness theirs; without it the documented key.'),
} as const;
