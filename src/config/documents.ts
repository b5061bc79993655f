import { declaration } from './declaration.ts';
import type { JsonSchema, OptionText, Part } from './kind.ts';

/** JSON Schema of the configuration file, for editors: every key with its text and default. */
export function configSchema(): JsonSchema {
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Thresher configuration',
    ...declaration.schema,
  };
}

const introduction = `# Configuration

This page is generated from the declaration in \`src/config\`; a test keeps it fresh. \`config/example.yaml\` shows every
option in its place, and \`config/thresher.schema.json\` lets editors complete them: begin a file with
\`# yaml-language-server: $schema=PATH/thresher.schema.json\`.

- **Durations** are written \`250ms\`, \`10s\`, \`1m30s\`, \`1h\`; **sizes** \`64MiB\`, \`2GiB\` (powers of 1024), \`10MB\` (powers of 1000).
- **References** stand anywhere in a value: \`\${env:NAME}\`, \`\${env:NAME:-default}\`, \`\${file:PATH}\`. Where NAME is not set but
  NAME_FILE is, the value is read from that file. \`$$\` is a plain \`$\`.
- **Components** under \`receivers\` and \`exporters\` are named by their type, or \`type/name\` where there are several of one.
- **On the command line**, \`--set windows.traces.length=5s\` goes over what the file says; it may be given often.
- Everything that is wrong is told at once, each with its line and path.
`;

/** docs/config.md: a section for each group of options, a table row for each option. */
export function configMarkdown(): string {
  const [root, ...groups] = declaration.parts ?? [];
  const top = root === undefined ? [] : [['## Top level', table(root.options)].join('\n\n')];
  return `${[introduction.trimEnd(), ...top, ...groups.map(group)].join('\n\n')}\n`;
}

function group({ path, text, options }: Part): string {
  const heading = `## ${path.join('.')}`;
  return [heading, text, ...(options.length === 0 ? [] : [table(options)])].join('\n\n');
}

function table(options: readonly OptionText[]): string {
  const rows = options.map(({ key, kindName, presence, text }) =>
    `| \`${key}\` | ${cell(kindName)} | ${presence === '' || presence === 'required' ? presence : `\`${presence}\``} | ${cell(text)} |`);
  return ['| option | holds | default | meaning |', '|---|---|---|---|', ...rows].join('\n');
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
