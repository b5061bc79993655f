import { catalogSideViews } from './side-views.ts';
import { catalogStars, starColumns } from './stars.ts';
import { type CatalogColumn, catalogViews, keysType } from './views.ts';

/** The catalog as Markdown: the reference part of docs/policies.md, which a test compares with it. */
export function catalogMarkdown(): string {
  const views = catalogViews.map(({ name, signal, doc, columns }) => section(`${name} (${signal})`, `${sentence(doc)}`, columns));
  const sides = catalogSideViews.map(({ name, signals, doc, columns }) => section(`${name} (${signals.join(', ')})`, sentence(doc), columns));
  const stars = catalogStars.map(({ name, aliases, signals, parent }) =>
    `| \`${name}\` | ${aliases.map((alias) => `\`${alias}\``).join(', ')} | ${signals.join(', ')} | \`${parent}\` |`);
  const starTable = ['| table | also called | signals | parent_id is |', '|---|---|---|---|', ...stars].join('\n');
  return [...views, ...sides, `### Star tables\n\n${starTable}\n\n${columnTable(starColumns(catalogStars[0]).slice(1))}`].join('\n\n');
}

function section(title: string, doc: string, columns: readonly CatalogColumn[]): string {
  return `### ${title}\n\n${doc}\n\n${columnTable(columns)}`;
}

function sentence(text: string): string {
  return `${text[0].toUpperCase()}${text.slice(1)}.`;
}

function columnTable(columns: readonly CatalogColumn[]): string {
  const rows = columns.map(({ name, type, doc }) => `| \`${name}\` | ${type === keysType ? 'by key' : type.replaceAll('"', '')} | ${doc} |`);
  return ['| column | type | meaning |', '|---|---|---|', ...rows].join('\n');
}
