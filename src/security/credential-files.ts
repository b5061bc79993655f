import { CodedError, messageOf } from '../base/errors.ts';
import { metrics } from '../telemetry/declared.ts';
import { ChangingFiles } from './changing-files.ts';
import type { SecurityTools } from './tools.ts';

export interface CredentialFilesOptions<T> {
  /** The option within the component, for messages. */
  readonly option: string;
  readonly paths: readonly string[];
  /** Contents, in the order of the paths, to what is wanted of them; throws, without repeating a secret, when they cannot be used. */
  readonly read: (contents: readonly Buffer[]) => T;
  readonly onChange?: (value: T) => void;
}

/** Certificates, keys or tokens from files, counted and logged as they change. Throws CodedError `bad_credentials` when they cannot be used now. */
export function openCredentialFiles<T>({ name, seam, log, registry }: SecurityTools, { option, paths, read, onChange }: CredentialFilesOptions<T>): ChangingFiles<T> {
  const place = `${name}.${option}`;
  const count = (result: 'loaded' | 'failed'): void => registry.counter(metrics.credentialReloads).add(1, { component: name, result });
  try {
    return new ChangingFiles({
      seam, paths, read,
      onChange: (value) => {
        onChange?.(value);
        count('loaded');
        log.info('credentials_loaded', `${place}: what the changed files say is in use`, { component: name });
      },
      onFailure: (error) => {
        count('failed');
        log.error('credentials_unusable', `${place}: the files changed and cannot be used, so that what they said before stays: ${messageOf(error)}`, { component: name });
      },
    });
  } catch (error) {
    throw new CodedError('FAILED_PRECONDITION', 'bad_credentials', `${place}: cannot use ${paths.join(', ')}: ${messageOf(error)}`, { cause: error });
  }
}
