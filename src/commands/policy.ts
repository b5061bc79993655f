import { defineGroup } from './command.ts';
import { policyCheck } from './policy-check.ts';
import { policyDiff } from './policy-diff.ts';
import { policyExplain } from './policy-explain.ts';
import { policyTest } from './policy-test.ts';

/** `thresher policy ...`: what authors of policies need. */
export const policy = defineGroup({
  name: 'policy',
  summary: 'Check, test, compare and explain policies',
  text: 'None of these commands changes a running Thresher.',
  subcommands: [policyCheck, policyTest, policyDiff, policyExplain],
});
