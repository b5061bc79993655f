import { defineGroup } from './command.ts';
import { headPreview } from './head-preview.ts';

/** `thresher head ...`: what senders are told. */
export const head = defineGroup({
  name: 'head',
  summary: 'Show what SDKs are told of head sampling',
  text: 'These commands ask a running Thresher, and change nothing.',
  subcommands: [headPreview],
});
