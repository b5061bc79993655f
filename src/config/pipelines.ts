import { list } from './collections.ts';
import type { Kind, ValueOf } from './kind.ts';
import { oneOf, text } from './scalars.ts';
import { asRecord, option, optional, required, section } from './section.ts';

const component: Kind<string> = { ...text, name: 'component' };

const received = required('receivers', list(component), 'Receivers whose data of this signal is taken; others refuse it.');
const sampledHints = { processors: 'nothing is put in between by hand: write policies, windows and policy' };

const sampled = {
  mode: option('mode', oneOf('sample', 'pass'), 'sample', '`pass`: nothing is sampled, and a sender is answered when all exporters have delivered what it sent. For a tier before the one that samples; see docs/scaling.md.'),
  receivers: received,
  exporters: required('exporters', list(component), 'Exporters that each get all that is kept.'),
  dropped: option('dropped', list(component), [], 'Exporters that each get all that is dropped, as it came: without counts and thresholds. Then everything is read and sent, and costs as much as keeping it.'),
};

const signals = section('Which receivers\' data goes to which exporters. Without it every receiver takes all signals, and every exporter gets all that is kept. A signal that is not named here is refused. See docs/routing.md.', {
  traces: optional('traces', section('The way of traces.', sampled, sampledHints), 'Traces.'),
  logs: optional('logs', section('The way of log records.', sampled, sampledHints), 'Logs.'),
  metrics: optional('metrics', section('The way of metrics, which pass through.', {
    receivers: received,
    exporters: required('exporters', list(component), 'Exporters that each get all metrics.'),
  }, { ...sampledHints, mode: 'metrics pass anyway', dropped: 'metrics pass through unsampled, so that none are dropped' }), 'Metrics.'),
});

/** Ways of the signals. `traces/eu` and the like, of which a Collector may have several, have an answer of their own. */
export const pipelines: typeof signals = {
  ...signals,
  read: (input, place) => {
    const written = asRecord(input ?? {}, place);
    if (written === undefined) return undefined;
    const several = Object.keys(written).filter((key) => /^(traces|logs|metrics)\//.test(key));
    for (const key of several) {
      const [signal] = key.split('/');
      place.at(key).fail(`there is one pipeline a signal, since its windows and policies are one: name all its receivers under ${signal}, or run a second Thresher`);
    }
    const value = signals.read(Object.fromEntries(Object.entries(written).filter(([key]) => !several.includes(key))), place);
    return several.length > 0 ? undefined : value;
  },
};

export type PipelinesConfig = ValueOf<typeof pipelines>;
