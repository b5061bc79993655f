import { resolve } from 'node:path';
import { type Cost, costOnCapture, costOnMadeUp } from '../authoring/explain/cost.ts';
import { explainPolicies } from '../authoring/explain/explain.ts';
import { type ItemQuestion, itemStory } from '../authoring/explain/item.ts';
import { costText, explainedText, storyText } from '../authoring/explain/text.ts';
import { verdictOf } from '../authoring/explain/verdict.ts';
import type { RunSettings } from '../authoring/pipeline-run.ts';
import { policyTextsAt } from '../authoring/policy-set.ts';
import { realSeam } from '../base/seam.ts';
import { filePath, flag, integer, oneOf, text } from '../config/scalars.ts';
import { option, optional } from '../config/section.ts';
import { type OpenPolicies, openPolicies } from '../policies.ts';
import { UsageError } from './arguments.ts';
import { defineCommand, exitCodes } from './command.ts';
import { runOptions } from './run-options.ts';

export const policyExplain = defineCommand({
  name: 'policy explain',
  summary: 'Say in words what a policy does, what it costs, and why an item was kept or dropped',
  text: 'Without --trace or --item: what it does, what it reads, DuckDB\'s plan, and what a million items cost, measured on made-up telemetry or on '
    + '--input. With one of them: why the policies keep or drop that item of --input, each policy with its probability, threshold T, R and count.',
  options: {
    input: optional('input', filePath, 'Capture file.'),
    traceId: optional('trace', text, 'Trace id, 32 hex digits: tell its story.'),
    item: optional('item', integer({ min: 0 }), 'Number of a span or log record in the file, from 0: tell its story.'),
    hasCost: option('cost', flag, true, 'Measure what the policies cost.'),
    combine: option('combine', oneOf('union', 'first_match'), 'union', 'How policies that keep come together.'),
    ...runOptions,
    format: option('format', oneOf('text', 'json'), 'text', 'How it is written.'),
  },
  positionals: { label: 'FILE|DIR ...', text: 'Policies: files, or folders of them.', min: 1, max: 1000 },
  examples: [
    'thresher policy explain sql/policies/errors_and_slow.sql',
    'thresher policy explain policies/ --input traffic.otap --trace 5b8efff798038103d269b633813fc60c',
    'thresher policy explain logs.sql --input logs.otap --item 17 --format json',
  ],
  run: async (options, io) => {
    const question = questionOf(options);
    const compiled = await openPolicies(options.positionals.flatMap((path) => [...policyTextsAt(resolve(io.directory, path))]));
    const settings: RunSettings = { ...options, namesPolicies: false };
    const input = options.input === null ? null : resolve(io.directory, options.input);
    if (question !== null) {
      if (input === null) throw new UsageError(['--input: is missing: the capture file that holds the item']);
      const story = await itemStory(compiled, input, question, settings);
      const verdict = verdictOf(story, settings);
      io.stdout.write(options.format === 'json' ? json({ story, verdict }) : storyText(story, verdict));
      return exitCodes.ok;
    }
    const explained = await explainPolicies(compiled, realSeam());
    const cost = options.hasCost ? await costOf(compiled, settings, input) : null;
    if (options.format === 'json') io.stdout.write(json({ policies: explained, cost }));
    else io.stdout.write(`${explained.map(explainedText).join('\n')}${cost === null ? '' : `\n${costText(cost)}`}`);
    return exitCodes.ok;
  },
});

function questionOf({ traceId, item }: { readonly traceId: string | null; readonly item: number | null }): ItemQuestion | null {
  if (traceId !== null && item !== null) throw new UsageError(['--item: give either --trace or --item']);
  if (traceId !== null && !/^[0-9a-f]{32}$/i.test(traceId)) throw new UsageError([`--trace: expected 32 hexadecimal digits, got "${traceId}"`]);
  return traceId !== null ? { traceId: traceId.toLowerCase() } : item === null ? null : { number: item };
}

async function costOf(compiled: OpenPolicies, settings: RunSettings, input: string | null): Promise<Cost> {
  return input === null ? costOnMadeUp(compiled, settings, compiled.policies[0].signal) : costOnCapture(compiled, settings, input);
}

/** Thresholds and randomness are written as hexadecimal text: JSON's numbers are too short for them. */
function json(value: unknown): string {
  return `${JSON.stringify(value, (_, held: unknown) => (typeof held === 'bigint' ? `0x${held.toString(16)}` : held), 2)}\n`;
}
