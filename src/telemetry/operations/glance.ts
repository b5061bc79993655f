import { metrics as m } from '../declared.ts';
import { chosen, type PanelContent } from './metric-panel.ts';

const rated = (name: string, labels = '', range = '$__rate_interval'): string => `rate(${name}{${chosen}${labels}}[${range}])`;
const grown = (name: string, labels = ''): string => `sum(increase(${name}{${chosen}${labels}}[24h])) or vector(0)`;
const now = (name: string): string => `${name}{${chosen}}`;

/** What whoever opens the dashboard wants to know first: does it work, what does it keep, can the counts be trusted. */
export const glance: readonly PanelContent[] = [
  stat('Items in a second', 'cps', `sum by (signal) (${rated(m.itemsReceived.name)})`, 'Accepted from senders.', '{{signal}}'),
  stat('Kept share', 'percentunit', `sum by (signal) (${rated(m.itemsDecided.name, ', outcome="kept"')}) / sum by (signal) (${rated(m.itemsDecided.name)})`, 'Of the items of closed windows.', '{{signal}}'),
  stat('Lost in 24 hours', 'short', grown(m.itemsLost.name), 'Kept items that an exporter gave up on. Alert ThresherLosesItems.', '', [1, 1]),
  stat('Refused a second', 'cps', `sum(${rated(m.batchesRefused.name)}) or vector(0)`, 'Batches. Alerts ThresherRefusesForWantOfRoom, ThresherRefusesBatches.', '', [0.01, 1]),
  stat('Windows by fallback in 24 hours', 'short', grown(m.windowsDecided.name, ', by="fallback"'), 'Policies failed or were late. Alert ThresherFallback.', '', [1, 10]),
  stat('Memory held', 'percentunit', `max(${now(m.memoryFullness.name)})`, 'Of memory.limit, the fullest process. Alert ThresherMemoryNearLimit.', '', [0.8, 0.9]),
  stat('Export queue', 'percentunit', `max(${now(m.queueBytes.name)} / ${now(m.queueCapacityBytes.name)})`, 'The fullest. Alert ThresherExportQueueNearlyFull.', '', [0.6, 0.8]),
  stat('Oldest window late by', 's', `max(${now(m.windowLagSeconds.name)})`, 'Alert ThresherWindowsLate.', '', [10, 30]),
  stat('Counts off by', 'short', `max(abs(${m.certificateZ.name}{${chosen}, policy="(all)"}))`, 'Standard deviations between what the output says and what came, over all windows. Alert ThresherCountsWrong.', '', [3, 4]),
  {
    title: 'In, kept and sent', unit: 'cps', kind: 'timeseries', text: 'Items a second.',
    targets: [
      { expr: `sum by (signal) (${rated(m.itemsReceived.name)})`, legend: '{{signal}} in' },
      { expr: `sum by (signal) (${rated(m.itemsDecided.name, ', outcome="kept"')})`, legend: '{{signal}} kept' },
      { expr: `sum by (signal) (${rated(m.itemsExported.name)})`, legend: '{{signal}} sent' },
    ],
  },
  {
    title: 'Estimate over truth', unit: 'percentunit', kind: 'timeseries',
    text: 'What leaves says of how many items it stands for, by how many came, in the certified windows of the last hour; with the 95 % interval.',
    targets: [{ expr: share('0'), legend: '{{signal}}' }, { expr: share('- 1.96'), legend: '{{signal}} low' }, { expr: share('+ 1.96'), legend: '{{signal}} high' }],
  },
];

function stat(title: string, unit: string, expr: string, text: string, legend = '', thresholds?: PanelContent['thresholds']): PanelContent {
  return { title, unit, text, kind: 'stat', targets: [{ expr, legend }], ...(thresholds === undefined ? {} : { thresholds }) };
}

/** (estimate + `deviations` * standard deviation) / truth, by signal. */
function share(deviations: string): string {
  const sum = (name: string): string => `sum by (signal) (increase(${name}{${chosen}, policy="(all)", key="(all)"}[1h]))`;
  const spread = deviations === '0' ? '' : ` ${deviations} * sqrt(${sum(m.certificateVariance.name)})`;
  return `(${sum(m.certificateEstimate.name)}${spread}) / ${sum(m.certificateTruth.name)}`;
}
