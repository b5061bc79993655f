import { isRandomnessText } from './randomness.ts';
import { isHex56 } from './word56.ts';

/** What a tracestate says of sampling. */
export interface SamplingState {
  /** The digits of `th`, valid ones only. */
  readonly th: string | null;
  /** `rv`, valid only. */
  readonly rv: string | null;
  /** A `th` or an `rv` was there that is none; it counts as absent. */
  readonly thInvalid: boolean;
  readonly rvInvalid: boolean;
}

/** OpenTelemetry TraceState: the whole value of the `ot` entry. W3C Trace Context: entries, and characters to propagate. */
const otCharsMax = 256;
const entriesMax = 32;
const stateCharsMax = 512;
/** W3C: entries longer than this are left out first where a list is too long. */
const longEntryChars = 128;

const nothing: SamplingState = { th: null, rv: null, thInvalid: false, rvInvalid: false };

/** Reads `th` and `rv` of the `ot` entry. Never throws: what cannot be read is invalid or absent. */
export function readTracestate(tracestate: string): SamplingState {
  const value = otValue(tracestate);
  if (value === null) return nothing;
  const th = subValue(value, 'th');
  const rv = subValue(value, 'rv');
  const thValid = th !== null && isHex56(th);
  const rvValid = rv !== null && isRandomnessText(rv);
  return {
    th: thValid ? th : null,
    rv: rvValid ? rv : null,
    thInvalid: th !== null && !thValid,
    rvInvalid: rv !== null && !rvValid,
  };
}

/**
 * The tracestate with `th` set to these digits, or removed (null). Other entries, and other keys of `ot`, stay byte for byte and
 * in their order; an `ot` that changes moves to the front, as W3C asks of whoever changes an entry. Unchanged input comes
 * back as it is; '' = no entry is left.
 *
 * At the limits: null where `ot` would exceed 256 characters, which the specification says to give up; the caller then
 * removes th, since an old th beside a higher threshold would be a lie. A 33rd entry drops the last. Where the change
 * takes the whole over 512 characters, others' entries go: those above 128 characters first, from the right.
 */
export function writeThreshold(tracestate: string, th: string | null): string | null {
  const value = otValue(tracestate);
  if (value === null && th === null) return tracestate;
  const changed = setSubValue(value ?? '', 'th', th);
  if (changed === value) return tracestate;
  if (changed.length > otCharsMax && th !== null) return null;
  const others = entriesOf(tracestate).filter((entry) => !isOt(entry));
  if (changed === '') return others.join(',');
  const fits = tracestate.length <= stateCharsMax ? withinLimits(`ot=${changed}`, others) : others.slice(0, entriesMax - 1);
  return [`ot=${changed}`, ...fits].join(',');
}

function withinLimits(ot: string, others: readonly string[]): string[] {
  const kept = others.slice(0, entriesMax - 1);
  let chars = ot.length + kept.reduce((sum, entry) => sum + entry.length + 1, 0);
  for (const isFirstToGo of [(entry: string) => entry.length > longEntryChars, () => true]) {
    for (let i = kept.length - 1; i >= 0 && chars > stateCharsMax; i--) {
      if (!isFirstToGo(kept[i])) continue;
      chars -= kept[i].length + 1;
      kept.splice(i, 1);
    }
  }
  return kept;
}

/** Entries as they stand, empty ones left out, surrounding blanks with them. */
function entriesOf(tracestate: string): string[] {
  return tracestate.split(',').filter((entry) => entry.trim() !== '');
}

function isOt(entry: string): boolean {
  return entry.trimStart().startsWith('ot=');
}

/** The value of the first `ot` entry, without the blanks that W3C allows around entries; null where there is none. */
function otValue(tracestate: string): string | null {
  if (!tracestate.includes('ot=')) return null;
  const entry = entriesOf(tracestate).find(isOt);
  return entry === undefined ? null : entry.trim().slice('ot='.length);
}

/** The value of the first `key:`; null where there is none. */
function subValue(value: string, key: string): string | null {
  const pair = value.split(';').find((part) => part.startsWith(`${key}:`));
  return pair === undefined ? null : pair.slice(key.length + 1);
}

/** Sets a sub-key where it stands, else at the end; removes it (and repetitions) for null. */
function setSubValue(value: string, key: string, set: string | null): string {
  const parts = value === '' ? [] : value.split(';');
  const isKey = (part: string): boolean => part.startsWith(`${key}:`);
  const at = parts.findIndex(isKey);
  const out = parts.filter((part, index) => !isKey(part) || (index === at && set !== null));
  const pair = `${key}:${set}`;
  if (set !== null && at === -1) out.push(pair);
  else if (set !== null) out[at] = pair;
  return out.join(';');
}
