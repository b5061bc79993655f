import { list, mapOf } from '../../config/collections.ts';
import { withDefinitions } from '../../config/definitions.ts';
import type { JsonSchema, Kind, ValueOf } from '../../config/kind.ts';
import { duration, filePath, flag, integer, number, oneOf, size, text } from '../../config/scalars.ts';
import { option, optional, required, section } from '../../config/section.ts';
import { given, sharedKinds } from './given.ts';
import { exactly, expected, type Expected, sharedTolerances } from './tolerance.ts';

/** How many of a name are kept: a number or range, or one of these. */
const kept: Kind<Expected | 'all'> = {
  name: 'all | none | number',
  schema: { anyOf: [{ enum: ['all', 'none'] }, expected.schema] },
  read: (input, place) => (input === 'all' ? 'all' : input === 'none' ? exactly(0) : expected.read(input, place)),
};

const name = /^.+$/s;

const ofName = section('Of the items of one name.', {
  kept: optional('kept', kept, 'How many are kept (traces, or log records).'),
  probability: optional('probability', expected, 'Probability that each kept one says, by its threshold or count.'),
  adjustedCount: optional('adjusted_count', expected, 'Adjusted count of each kept one.'),
  estimate: optional('estimate', expected, 'How many there were, as the kept ones say: the sum of their adjusted counts.'),
  policies: option('policies', list(text), [], 'Policies that each kept one was kept by, in their order.'),
  hasThreshold: optional('has_threshold', flag, 'Whether each kept one leaves with a threshold.'),
});

const sums = section('Sums.', {
  kept: optional('kept', expected, 'How many are kept.'),
  estimate: optional('estimate', expected, 'Sum of the adjusted counts of the kept ones.'),
});

const budget = section('At most this much is kept of any window.', {
  traces: optional('traces', integer({ min: 0 }), 'Traces.'),
  spans: optional('spans', integer({ min: 0 }), 'Spans.'),
  logs: optional('logs', integer({ min: 0 }), 'Log records.'),
  bytes: optional('bytes', size(), 'Bytes of OTAP, as they leave, of all signals.'),
});

const unbiased = section('Over many seeds, each with other trace ids, estimates are right on average.', {
  seeds: option('seeds', integer({ min: 30, max: 100_000 }), 400, 'How many.'),
  by: option('by', oneOf('service', 'name', 'total'), 'service', 'What is estimated: how many items there are of each service, of each given name, or of all.'),
  zMax: option('z_max', number({ min: 2, max: 10 }), 4.5, 'How many standard errors the mean may lie off.'),
});

const failure = section('The case is about something that must fail.', {
  policy: optional('policy', text, 'Name of the policy.'),
  message: required('message', text, 'What the message says, in part.'),
});

const expectation = section('What must come of it. What is not named is not looked at.', {
  kept: option('kept', list(text), [], 'Names of given items that are all kept.'),
  dropped: option('dropped', list(text), [], 'Names of given items that are all dropped.'),
  items: option('items', mapOf(ofName, name, 'a name'), {}, 'Expectations by the name of a given item.'),
  services: option('services', mapOf(sums, name, 'a service'), {}, 'Spans and log records by service.'),
  traces: optional('traces', sums, 'Traces of all names; a trace counts as its first kept span does.'),
  spans: optional('spans', sums, 'All spans.'),
  logs: optional('logs', sums, 'All log records.'),
  budget: optional('budget', budget, 'At most this much is kept of any window.'),
  unbiased: optional('unbiased', unbiased, 'Estimates are right on average over seeds.'),
  error: optional('error', failure, 'A policy that cannot be compiled, or fails while it runs.'),
});

const testCase = section('A case.', {
  name: required('name', text, 'What it shows, in words.'),
  policies: option('policies', list(filePath), [], 'Policies of this case in place of the file\'s.'),
  sql: optional('sql', text, 'A policy written here, in place of files.'),
  seed: optional('seed', integer({ min: 0, max: 2 ** 32 - 1 }), 'Seed of this case.'),
  given: required('given', given, 'What comes in.'),
  expect: required('expect', expectation, 'What must come of it.'),
});

/** A test file of policies. */
export const testFile = section('A test file of policies.', {
  policies: option('policies', list(filePath), [], 'Policies, relative to this file. Without them NAME.sql beside NAME.test.yaml.'),
  windowMs: option('window', duration({ min: 1 }), '10s', 'Length of a window.'),
  decisionWaitMs: option('decision_wait', duration(), '0s', 'How long after its end a window of traces waits for spans.'),
  inputWithoutThreshold: option('input_without_threshold', oneOf('unsampled', 'unknown'), 'unsampled', 'What an item stands for that says nothing of sampling.'),
  combine: option('combine', oneOf('union', 'first_match'), 'union', 'How policies that keep come together, as in the configuration.'),
  fallback: option('fallback_probability', number({ min: 0, max: 1 }), 1, 'Probability of the items of a window whose policy failed.'),
  deadlineMs: option('deadline', duration({ min: 10 }), '1m', 'Longest time that a policy may take over a window.'),
  seed: option('seed', integer({ min: 0, max: 2 ** 32 - 1 }), 1, 'Draws ids and values.'),
  cases: required('cases', list(testCase), 'The cases.'),
});

export type TestFile = ValueOf<typeof testFile>;
export type TestCase = ValueOf<typeof testCase>;
export type Expectation = ValueOf<typeof expectation>;
export type Unbiased = ValueOf<typeof unbiased>;
export type Budget = ValueOf<typeof budget>;

/** JSON Schema of a test file, for editors. */
export function testFileSchema(): JsonSchema {
  const shared = Object.entries({ case: testCase, ...sharedKinds, sums, ...sharedTolerances }).map(([key, kind]) => [key, kind.schema]);
  return { $schema: 'http://json-schema.org/draft-07/schema#', title: 'Thresher policy test', ...withDefinitions(testFile.schema, Object.fromEntries(shared)) };
}
