import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { openPolicies } from '../policies.ts';
import { defineCommand, exitCodes } from './command.ts';

export const policyCheck = defineCommand({
  name: 'policy check',
  summary: 'Say what is wrong with policies, and what they read',
  options: {},
  positionals: { label: 'FILE...', text: 'Policies.', min: 1, max: 1000 },
  examples: ['thresher policy check policies/*.sql'],
  run: async ({ positionals }, io) => {
    const { policies } = await openPolicies(positionals.map((path) => ({ name: basename(path, '.sql'), text: readFileSync(path, 'utf8') })));
    for (const { name, warnings } of policies) io.stdout.write(`${name}: ${warnings.join('; ') || 'ok'}\n`);
    return exitCodes.ok;
  },
});
