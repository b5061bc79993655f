import type { Answers } from './answers.ts';
import type { RateHistory, RatePoint } from './history.ts';

const plot = { width: 240, height: 36 } as const;

/** Rates are drawn on a logarithmic scale from here to 1. */
const leastDrawn = 1e-4;

const style = `
  body { font: 14px system-ui, sans-serif; margin: 2rem; color: #222; background: #fff }
  table { border-collapse: collapse } th, td { padding: .3rem .8rem; text-align: right; border-bottom: 1px solid #ddd }
  th:first-child, td:first-child, td.text, th.text { text-align: left } svg { display: block } path { fill: none; stroke: #06c; stroke-width: 1.5 }
  @media (prefers-color-scheme: dark) { body { color: #ddd; background: #111 } th, td { border-color: #333 } path { stroke: #6af } }`;

/** The same as a page: one table, no script. */
export function headPage(answers: Answers, history: RateHistory): string {
  const rows = history.summaries.map(({ service, rate, reason, arrivalsPerSecond, probability, bytes, bytesKept }) => `
    <tr><td>${escaped(service)}</td><td>${shown(rate)}</td><td>${plotOf(history.of(service))}</td><td>${shown(arrivalsPerSecond)}</td><td>${probability === null ? '' : shown(probability)}</td>
    <td>${shown(bytes / 2 ** 20)}</td><td>${shown((bytes - bytesKept) / 2 ** 20)}</td><td>${answers.of(service).strategy.operations.length}</td><td class="text">${escaped(reason)}</td></tr>`);
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Thresher: head sampling</title><meta http-equiv="refresh" content="10"><style>${style}</style></head><body>
  <h1>Head sampling</h1><p>What each service is told to send of its traces. Others are told ${shown(answers.defaultRate)}. As JSON: this address with <code>accept: application/json</code>.</p>
  <table><thead><tr><th>service</th><th>rate</th><th class="text">lately, from ${leastDrawn} to 1</th><th>traces/s</th><th>kept with</th><th>MiB collected</th><th>MiB dropped</th><th>operations told</th><th class="text">why</th></tr></thead>
  <tbody>${rows.join('')}</tbody></table></body></html>`;
}

function plotOf(points: readonly RatePoint[]): string {
  if (points.length < 2) return '';
  const [first, last] = [points[0].time, points[points.length - 1].time];
  const path = points.map(({ time, rate }, index) => {
    const x = ((time - first) / Math.max(1e-9, last - first)) * plot.width;
    const y = (Math.log(Math.max(rate, leastDrawn)) / Math.log(leastDrawn)) * (plot.height - 2) + 1;
    return `${index === 0 ? 'M' : 'L'}${x.toFixed(1)} ${y.toFixed(1)}`;
  });
  return `<svg width="${plot.width}" height="${plot.height}" role="img" aria-label="rate over time"><path d="${path.join('')}"/></svg>`;
}

function shown(value: number): string {
  return value === 0 ? '0' : Number(value.toPrecision(3)).toString();
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
