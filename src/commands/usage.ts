import type { Field } from '../config/section.ts';
import { flagName } from './arguments.ts';
import type { Command } from './command.ts';

const width = 100;
const exitCodeText = 'Exit codes: 0 done, 1 failed, 2 arguments or configuration cannot be used, 130 stopped by a second Ctrl-C.';

/** `thresher --help`: the commands. */
export function overview(commands: readonly Command[]): string {
  return paragraphs([
    'Thresher: a tail-sampling processor for OpenTelemetry whose policies are SQL.',
    'Usage: thresher COMMAND [OPTIONS]\n       thresher COMMAND --help\n       thresher --version',
    columns(commands.map(({ name, summary }) => [name, summary])),
    exitCodeText,
  ]);
}

/** `thresher GROUP --help`: its commands. */
function groupUsage({ name, summary, text, subcommands }: Command): string {
  return paragraphs([
    `${summary}.`,
    `Usage: thresher ${name} COMMAND [OPTIONS]\n       thresher ${name} COMMAND --help`,
    ...text.split('\n\n').map((paragraph) => wrapped(paragraph, width).join('\n')),
    columns(subcommands.map((command) => [command.name.slice(name.length + 1), command.summary])),
    exitCodeText,
  ]);
}

/** `thresher COMMAND --help`: arguments, options with what they hold and their defaults, examples. */
export function commandUsage(command: Command): string {
  if (command.subcommands.length > 0) return groupUsage(command);
  const { name, summary, text, options, positionals, examples } = command;
  const fields = Object.values(options);
  const label = positionals.label === '' ? '' : ` ${positionals.min === 0 ? `[${positionals.label}]` : positionals.label}`;
  return paragraphs([
    `${summary}.`,
    `Usage: thresher ${name}${fields.length === 0 ? '' : ' [OPTIONS]'}${label}`,
    ...text.split('\n\n').map((paragraph) => wrapped(paragraph, width).join('\n')),
    columns(positionals.label === '' ? [] : [[positionals.label, positionals.text]]),
    columns([...fields.map(optionRow), ['--help', 'Show this text.']]),
    examples.length === 0 ? '' : `Examples:\n${examples.map((example) => `  ${example}`).join('\n')}`,
    exitCodeText,
  ]);
}

function optionRow(field: Field<unknown>): [string, string] {
  const { kind, presence, written, text } = field;
  const shape = kind.arity === 'flag' ? '' : ` ${valueLabel(kind.name)}`;
  const name = kind.arity === 'flag' && written === true ? `[no-]${flagName(field)}` : flagName(field);
  const notes = [
    presence === 'required' ? 'required' : '',
    presence === 'default' && kind.arity !== 'many' && written !== false ? `default ${String(written)}` : '',
    kind.arity === 'many' ? 'may be given often' : '',
  ].filter((note) => note !== '');
  return [`--${name}${shape}`, notes.length === 0 ? text : `${text} (${notes.join(', ')})`];
}

function valueLabel(kindName: string): string {
  const name = kindName.replace(/^list of /, '');
  return name.includes('|') ? name.replaceAll(' ', '') : name.toUpperCase().replaceAll(' ', '_');
}

function columns(rows: readonly (readonly [string, string])[]): string {
  const indent = Math.min(30, Math.max(0, ...rows.map(([left]) => left.length)) + 4);
  return rows.map(([left, right]) => {
    const [first, ...rest] = wrapped(right, width - indent);
    const head = left.length + 4 > indent ? `  ${left}\n${' '.repeat(indent)}` : `  ${left}`.padEnd(indent);
    return [head + first, ...rest.map((line) => ' '.repeat(indent) + line)].join('\n');
  }).join('\n');
}

function wrapped(text: string, columnsMax: number): string[] {
  const lines: string[] = [''];
  for (const word of text.split(/\s+/)) {
    const last = lines[lines.length - 1];
    if (last !== '' && last.length + 1 + word.length > columnsMax) lines.push(word);
    else lines[lines.length - 1] = last === '' ? word : `${last} ${word}`;
  }
  return lines;
}

function paragraphs(parts: readonly string[]): string {
  return `${parts.filter((part) => part.trim() !== '').join('\n\n')}\n`;
}
