import { basename, resolve } from 'node:path';
import { compare, type Contender } from '../authoring/diff/compare.ts';
import { comparisonText } from '../authoring/diff/text.ts';
import { policyTextsAt } from '../authoring/policy-set.ts';
import { realSeam } from '../base/seam.ts';
import { duration, filePath, integer, number, oneOf } from '../config/scalars.ts';
import { option, optional, required } from '../config/section.ts';
import { openPolicies } from '../policies.ts';
import { defineCommand, exitCodes } from './command.ts';
import { ProgressBar } from './progress-bar.ts';

export const policyDiff = defineCommand({
  name: 'policy diff',
  summary: 'Compare what two policies keep of the same telemetry',
  text: 'Runs both over a capture file, by the items\' own time: what each keeps, how large it is, how far its estimates are from the truth '
    + 'with 95 % intervals, and what both keep. Behind every estimate stands its error, and in brackets half of its interval.',
  options: {
    input: required('input', filePath, 'Capture file to run over.'),
    windowMs: option('window', duration({ min: 1 }), '10s', 'Length of a window.'),
    decisionWaitMs: option('decision_wait', duration(), '30s', 'How long after its end a window of traces still waits for spans.'),
    inputWithoutThreshold: option('input_without_threshold', oneOf('unsampled', 'unknown'), 'unsampled', 'What an item stands for that says nothing of sampling.'),
    fallback: option('fallback_probability', number({ min: 0, max: 1 }), 1, 'Probability of all items of a window whose policy failed.'),
    combine: option('combine', oneOf('union', 'first_match'), 'union', 'How the policies of a folder that keep come together.'),
    deadlineMs: option('deadline', duration({ min: 10 }), '10m', 'Longest time that a policy may take over a window.'),
    seed: optional('seed', integer({ min: 0, max: 2 ** 32 - 1 }), 'Keys the hash that gives items without randomness theirs; without it the documented key.'),
    format: option('format', oneOf('text', 'json'), 'text', 'How the comparison is written.'),
  },
  positionals: { label: 'A B', text: 'Two policies: files, or folders whose policies run together.', min: 2, max: 2 },
  examples: [
    'thresher policy diff old.sql new.sql --input traffic.otap',
    'thresher policy diff policies/ candidate/ --input traffic.otap --window 30s --format json',
  ],
  run: async (options, io) => {
    const [first, second] = options.positionals;
    const contenders = [await contender(first, io.directory), await contender(second, io.directory)] as const;
    const progress = new ProgressBar(io.stderr, realSeam());
    const comparison = await compare(contenders, resolve(io.directory, options.input), { ...options, namesPolicies: false }, (share) => progress.update(share), io.signal);
    progress.end();
    io.stdout.write(options.format === 'json' ? `${JSON.stringify(comparison, null, 2)}\n` : comparisonText(comparison));
    return comparison.sides.every(({ error }) => error === null) ? exitCodes.ok : exitCodes.failure;
  },
});

async function contender(path: string, directory: string): Promise<Contender> {
  return { name: basename(path, '.sql'), compiled: await openPolicies(policyTextsAt(resolve(directory, path))) };
}
