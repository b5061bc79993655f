import type { KeyType, PolicyMode, PolicySignal } from './compiled.ts';
import { type HeaderEntry as Entry, headerEntries } from './header-entries.ts';
import { headMinimumOf } from './head-minimum.ts';
import { historyHeader, type HistoryHeader, historyHeaderNames } from './history-header.ts';
import type { PolicySource } from './policy-source.ts';
import { suggestion } from './suggest.ts';

export interface DeclaredKey {
  readonly source: 'attributes' | 'resource';
  readonly key: string;
  readonly type: KeyType;
  /** Byte offset of the line. */
  readonly offset: number;
}

/** What the comment lines before the SELECT declare. */
export interface Header {
  readonly signal: PolicySignal | null;
  readonly mode: PolicyMode;
  readonly keys: readonly DeclaredKey[];
  readonly history: HistoryHeader | null;
  readonly headMinimum: number | null;
  readonly warnings: readonly string[];
}

/** All headers that mean something. */
const headerNames = ['signal', 'mode', 'attribute', 'resource', 'description', 'head_minimum', ...historyHeaderNames] as const;

/** Reads `-- name: value` lines. Throws PolicyError `signal`, `key_type` or `not_allowed`. */
export function parseHeader(source: PolicySource): Header {
  const entries = headerEntries(source.text);
  const known: ReadonlySet<string> = new Set(headerNames);
  const warnings = entries.filter(({ name }) => !known.has(name)).map(({ name, offset }) => {
    const hint = suggestion(name, headerNames);
    return `line ${source.positionOf(offset).line}: the header ${name} is not known and has no effect${hint === null ? '' : `; ${hint}`}`;
  });
  return { signal: signalOf(source, entries), mode: modeOf(source, entries), keys: declaredKeys(source, entries), history: historyHeader(source, entries), headMinimum: headMinimumOf(source, entries), warnings };
}

const modes: readonly PolicyMode[] = ['enforce', 'shadow', 'drop'];

function modeOf(source: PolicySource, entries: readonly Entry[]): PolicyMode {
  let mode: PolicyMode | null = null;
  for (const { value, offset } of entries.filter(({ name }) => name === 'mode')) {
    const found = modes.find((candidate) => candidate === value);
    if (found === undefined) throw source.error('not_allowed', `mode ${value} is not known`, { at: offset, hint: suggestion(value, modes) ?? `modes are ${modes.join(', ')}` });
    if (mode !== null && mode !== found) throw source.error('not_allowed', 'the header declares two modes', { at: offset });
    mode = found;
  }
  return mode ?? 'enforce';
}

function signalOf(source: PolicySource, entries: readonly Entry[]): PolicySignal | null {
  const declared = entries.filter(({ name }) => name === 'signal');
  let signal: PolicySignal | null = null;
  for (const { value, offset } of declared) {
    if (value !== 'traces' && value !== 'logs') {
      throw source.error('signal', `signal ${value} is not known`, { at: offset, hint: 'a policy names items of traces or of logs' });
    }
    if (signal !== null && signal !== value) throw source.error('signal', 'the header declares two signals', { at: offset });
    signal = value;
  }
  return signal;
}

const typeNames: { readonly [name: string]: KeyType } = {
  VARCHAR: 'VARCHAR', TEXT: 'VARCHAR', STRING: 'VARCHAR', BIGINT: 'BIGINT', INT: 'BIGINT', INTEGER: 'BIGINT', DOUBLE: 'DOUBLE', BOOLEAN: 'BOOLEAN', BOOL: 'BOOLEAN',
};

function declaredKeys(source: PolicySource, entries: readonly Entry[]): readonly DeclaredKey[] {
  const keys: DeclaredKey[] = [];
  for (const { name, value, offset } of entries) {
    if (name !== 'attribute' && name !== 'resource') continue;
    const match = /^(\S.*?)\s+([A-Za-z]+)$/.exec(value);
    const type = match === null ? undefined : typeNames[match[2].toUpperCase()];
    if (match === null || type === undefined) {
      throw source.error('key_type', `"${value}" is not a key and its type`, { at: offset, hint: 'write -- attribute: my.key BIGINT; types are VARCHAR, BIGINT, DOUBLE, BOOLEAN' });
    }
    const declared: DeclaredKey = { source: name === 'attribute' ? 'attributes' : 'resource', key: match[1], type, offset };
    const other = keys.find((earlier) => earlier.source === declared.source && earlier.key === declared.key);
    if (other !== undefined && other.type !== type) {
      throw source.error('key_type', `${declared.key} is declared ${type} here and ${other.type} in line ${source.positionOf(other.offset).line}`, { at: offset });
    }
    keys.push(declared);
  }
  return keys;
}
