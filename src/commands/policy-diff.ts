import { basename, resolve } from 'node:path';
import { compare, type Contender } from '../authoring/diff/compare.ts';
import { comparisonText } from '../authoring/diff/text.ts';
import { policyTextsAt } from '../authoring/policy-set.ts';
import { realSeam } from '../base/seam.ts';
import { filePath, oneOf } from '../config/scalars.ts';
import { option, required } from '../config/section.ts';
import { openPolicies } from '../policies.ts';
import { defineCommand, exitCodes } from './command.ts';
import { ProgressBar } from './progress-bar.ts';
import { runOptions } from './run-options.ts';

export const policyDiff = defineCommand({
  name: 'policy diff',
  summary: 'Compare what two policies keep of the same telemetry',
  text: 'Runs both over a capture file, by the items\' own time: what each keeps, how large it is, how far its estimates are from the truth '
    + 'with 95 % intervals, and what both keep. Behind every estimate stands its error, and in brackets half of its interval.',
  options: {
    input: required('input', filePath, 'Capture file to run over.'),
    ...runOptions,
    combine: option('combine', oneOf('union', 'first_match'), 'union', 'How the policies of a folder that keep come together.'),
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
