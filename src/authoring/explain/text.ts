import { table } from '../diff/text.ts';
import type { Cost } from './cost.ts';
import type { Explained } from './explain.ts';
import type { ItemStory } from './item.ts';
import type { Verdict } from './verdict.ts';
import type { Part } from './words.ts';

const width = 110;

/** A policy explained, as text. */
export function explainedText({ name, signal, mode, words, reads, atOnce, plan, warnings }: Explained): string {
  const lines = [
    `${name} (${signal}, ${mode})`,
    ...filled(words.purpose, 2), '',
    ...words.before.flatMap((query) => [`  ${query.name} is:`, ...query.parts.flatMap((part) => partLines(part, '    '))]),
    ...words.parts.flatMap((part, index) => partLines(part, words.parts.length > 1 ? `  ${index + 1}. ` : '  ')),
    ...filled(words.rest, 2),
    ...(atOnce === null ? [] : filled(`With windows.traces.decide_at_once these leave before their window: ${atOnce}`, 2)), '',
    '  Reads', ...reads.flatMap((read) => filled(`${read.table}: ${[...read.columns, ...read.keys].join(', ')}`, 4)), '',
    '  Plan (on empty tables)', ...plan.map((line) => `    ${line}`),
    ...warnings.flatMap((warning) => ['', ...filled(`Note: ${warning}`, 2)]),
  ];
  return `${lines.join('\n')}\n`;
}

function partLines({ rows, does, meaning }: Part, head: string): string[] {
  const [first, ...rest] = filled(`${rows}: ${does}`, head.length);
  return [head + first.trimStart(), ...rest, ...(meaning === null ? [] : filled(meaning, head.length + 2))];
}

/** What it costs, in one line. */
export function costText({ on, items, windows, queryMs, fixedMs, perMillionMs }: Cost): string {
  const fixed = fixedMs === null ? '' : `${number(fixedMs)} ms a window and `;
  return `  Cost: ${fixed}${number(perMillionMs)} ms per million items\n    measured here on ${on}: ${items} items in ${windows} windows took ${number(queryMs)} ms\n`;
}

/** Why an item was kept or dropped, as text. */
export function storyText(story: ItemStory, verdict: Verdict): string {
  const what = story.signal === 'traces' ? `trace ${story.traceId}: ${story.items} spans` : `${story.items} log records${story.traceId === '' ? '' : ` of trace ${story.traceId}`}`;
  const services = story.services.map((service) => (service === '' ? '(no service)' : service)).join(', ');
  const u = Number(2n ** 56n - story.randomness) / 2 ** 56;
  const came = cameText(story);
  const rows = verdict.policies.map((policy) => [
    `    ${policy.policy}`, policy.mode,
    policy.probability === null ? policy.named ? 'named' : 'did not name it' : `${policy.mode === 'drop' ? 'ceiling' : 'p'} ${number(policy.probability)}`,
    policy.threshold === null ? '' : `T ${policy.threshold}`, policy.reaches === null ? '' : policy.reaches ? 'R >= T' : 'R < T',
    policy.adjustedCount === null ? '' : `count ${number(policy.adjustedCount)}`, policy.note,
  ]);
  const output = story.output === null ? [] : [`  ${story.kept} of ${story.items} leave with ${outputText(story, story.output)}.`];
  return [
    `${what}, of ${services}`, `  R ${story.randomness.toString(16).padStart(14, '0')}, u ${number(u)}. ${came}`,
    ...(story.windowNano === null ? [] : [`  Its window begins ${new Date(Number(story.windowNano / 1_000_000n)).toISOString()}.`]),
    ...(rows.length === 0 ? [] : table(rows).trimEnd().split('\n')), `  ${verdict.because}`, ...output, '',
  ].join('\n');
}

function cameText({ leaves, nIn }: ItemStory): string {
  if (leaves === 'unknown') return 'Nobody knows with which probability it came (its threshold contradicts its randomness, or it says nothing): R is a hash.';
  const p = nIn === 2n ** 56n ? 'It came unsampled.' : `It came with probability ${number(Number(nIn) / 2 ** 56)}.`;
  return leaves === 'counted' ? `${p} It says so by its count alone: R is a hash within that.` : p;
}

function outputText({ leaves }: ItemStory, { threshold, adjustedCount, policies }: NonNullable<ItemStory['output']>): string {
  const by = policies === '' ? '' : `, kept by ${policies}`;
  if (leaves === 'unknown') return `neither threshold nor count${by}`;
  return `${threshold === null ? 'no threshold' : `th:${threshold}`}, adjusted count ${number(adjustedCount)}${by}`;
}

function number(value: number): string {
  return String(Number(value.toPrecision(5)));
}

/** Words in lines of a width, each indented. */
function filled(text: string, indent: number): string[] {
  const lines: string[] = [''];
  for (const word of text.split(/\s+/).filter((one) => one !== '')) {
    const last = lines[lines.length - 1];
    if (last !== '' && last.length + 1 + word.length > width - indent) lines.push(word);
    else lines[lines.length - 1] = last === '' ? word : `${last} ${word}`;
  }
  return lines.map((line) => ' '.repeat(indent) + line);
}
