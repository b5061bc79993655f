import type { Findings } from '../finding.ts';
import { NoEqual } from '../finding.ts';
import { KeyTypes } from '../key-types.ts';
import { FileNames, policyText, type WrittenFile } from '../policy-file.ts';
import type { Written } from '../written.ts';
import { compositeSql } from './composite.ts';
import type { ConvertOptions, PolicyContext } from './context.ts';
import { droppingSql, keepingSql } from './policy-sql.ts';
import type { Selection } from './selection.ts';
import { selectionOf, subPolicies } from './shared-policy.ts';

/** A policy file for each policy of a `tail_sampling` processor, in their order. What cannot be converted is an error among the findings. */
export function convertPolicies(policies: readonly Written[], source: string, options: ConvertOptions, findings: Findings): readonly WrittenFile[] {
  const names = new FileNames();
  const files: WrittenFile[] = [];
  const shares: Selection[] = [];
  for (const policy of policies) {
    const file = findings.attempt(policy.place, () => convertPolicy(policy, source, { findings, place: policy.place, keys: new KeyTypes(), notes: [], options }, names, shares));
    if (file !== null) files.push(file);
  }
  warnOfSalts(shares, findings, policies[0]?.place ?? '');
  return files;
}

function convertPolicy(policy: Written, source: string, context: PolicyContext, names: FileNames, shares: Selection[]): WrittenFile | null {
  const type = policy.text('type');
  const name = policy.text('name');
  if (name === '') throw new NoEqual('it has no name; the Collector refuses it too');
  const lines = linesOf(policy, type, context, shares);
  if (lines === null) {
    const effect = type === 'drop' ? 'drops' : 'takes';
    context.findings.warning(policy.place, `${name} ${effect} nothing, in the Collector too, so there is no file for it`);
    return null;
  }
  const description = `${type === 'drop' ? 'Drops' : 'Keeps'} what the Collector's tail_sampling policy "${name}" (${describe(policy)}) ${type === 'drop' ? 'drops' : 'takes'}.`;
  const comments = [`Converted from ${source}, ${policy.place}.`, ...context.notes];
  return { name: names.of(name), text: policyText({ description, mode: type === 'drop' ? 'drop' : 'enforce', headers: context.keys.headerLines(), comments }, lines) };
}

/** The SQL; null for a policy that takes nothing. */
function linesOf(policy: Written, type: string, context: PolicyContext, shares: Selection[]): readonly string[] | null {
  if (type === 'composite') {
    const config = policy.section('composite');
    const lines = compositeSql(config, context);
    config.reportUnread(context.findings);
    policy.reportUnread(context.findings);
    return lines;
  }
  if (type === 'drop') {
    const selection = subPolicies(policy.section('drop'), 'drop_sub_policy', context);
    policy.reportUnread(context.findings);
    if (!selection.share.isAll) context.notes.push('Its share is a ceiling: of these traces no more than that is kept of what there was, whoever asks for them.');
    return selection.isNever || selection.share.fraction === 0 ? null : droppingSql(selection);
  }
  noteOfVeto(policy, type, context);
  const selection = selectionOf(policy, context, ['and', 'not']);
  if (selection.isNever || selection.share.fraction === 0) return null;
  shares.push(selection);
  if (selection.limits.length > 0) noteOfLimit(context);
  return keepingSql(selection, context.options.windowMs);
}

/** Before the feature gate disableinvertdecisions was on by default (opentelemetry-collector-contrib #44132), an inverted policy could veto. */
function noteOfVeto(policy: Written, type: string, { findings, place }: PolicyContext): void {
  if (['string_attribute', 'numeric_attribute', 'boolean_attribute'].includes(type) && policy.section(type).flag('invert_match')) {
    findings.note(place, 'Collectors up to 2025 dropped what an inverted policy did not take, whatever others said; those of today do not, nor does this: if you rely on it, add a drop policy');
  }
}

function noteOfLimit({ notes, options: { windowMs } }: PolicyContext): void {
  notes.push(`The budget is for a window of ${windowMs / 1000} s, and picks by chance with counts that tell; the Collector takes the first that come.`);
}

/** Shares by different salts are independent in the Collector, and nested here. */
function warnOfSalts(selections: readonly Selection[], findings: Findings, place: string): void {
  const shares = selections.map(({ share }) => share).filter(({ isAll }) => !isAll);
  if (new Set(shares.flatMap(({ salts }) => salts)).size > 1) {
    findings.warning(place, 'policies have several hash_salts: the Collector adds up what they take, each by a hash of its own; here a trace has the greatest of their probabilities');
  }
  if (shares.some(({ isFromBelow }) => !isFromBelow) && shares.length > 1) {
    findings.warning(place, 'the opposite of a share takes other traces than the share does in the Collector; here shares of several policies overlap, so fewer are kept together');
  }
}

/** Types, as `and: latency, not status_code`. */
function describe(policy: Written): string {
  const type = policy.text('type');
  const inner = (key: string, list: string): string => policy.section(key).sections(list).map((sub) => sub.text('type')).join(', ');
  if (type === 'and') return `and: ${inner('and', 'and_sub_policy')}`;
  if (type === 'drop') return `drop: ${inner('drop', 'drop_sub_policy')}`;
  if (type === 'composite') return `composite: ${inner('composite', 'composite_sub_policy')}`;
  return type === 'not' ? `not: ${policy.section('not').section('not_sub_policy').text('type')}` : type;
}
