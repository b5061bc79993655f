/** `thresher/sampler`: what runs in applications. It needs @opentelemetry/api, and nothing else of this package's dependencies. */
export { HeadSampler, type ComposableHeadSampler, type HeadSamplerOptions } from './head-sampler.ts';
export type { HeadSamplingResult } from './decide.ts';
export type { Intent } from './intents.ts';
export type { PollState } from './poller.ts';
