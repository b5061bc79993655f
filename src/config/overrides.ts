import { parse } from 'yaml';
import { messageOf } from '../base/errors.ts';
import { shown, type Place } from './place.ts';

type Tree = Record<string, unknown>;

/**
 * Puts `key.path=value` settings of the command line into a written configuration, in order; returns a new tree. A value
 * that begins with `[` or `{` is read as YAML, every other one is taken as it stands.
 */
export function applySettings(root: unknown, settings: readonly string[], place: Place): unknown {
  return settings.reduce<unknown>((tree, setting) => applySetting(tree, setting, place), root ?? {});
}

function applySetting(root: unknown, setting: string, place: Place): unknown {
  const equals = setting.indexOf('=');
  const keys = equals < 0 ? [] : setting.slice(0, equals).trim().split('.');
  if (keys.length === 0 || keys.some((key) => key === '' || key === '__proto__')) {
    place.fail(`--set ${shown(setting)}: expected key=value, as in windows.traces.length=5s`);
    return root;
  }
  try {
    return withValue(root, keys, settingValue(setting.slice(equals + 1)));
  } catch (error) {
    // The value may be a secret.
    place.fail(`--set ${shown(`${keys.join('.')}=...`)}: ${messageOf(error)}`);
    return root;
  }
}

function settingValue(text: string): unknown {
  return /^\s*[[{]/.test(text) ? parse(text, { prettyErrors: false }) : text;
}

function withValue(tree: unknown, [key, ...rest]: readonly string[], value: unknown): Tree {
  if (Array.isArray(tree) || (typeof tree !== 'object' && tree !== undefined && tree !== null)) {
    throw new Error(`"${key}" cannot be set within ${Array.isArray(tree) ? 'a list' : 'a value'}`);
  }
  const own: Tree = { ...tree };
  own[key] = rest.length === 0 ? value : withValue(Object.hasOwn(own, key) ? own[key] : undefined, rest, value);
  return own;
}
