import { CodedError } from '../base/errors.ts';
import type { Routes } from '../config/routes.ts';
import type { Signal } from '../otap/payload-type.ts';

/** Throws CodedError UNIMPLEMENTED, `signal_not_taken`, where a signal that came to a receiver goes nowhere. `receiver` is its name in the configuration. */
export type CheckTaken = (receiver: string, signal: Signal) => void;

/** Checks by the ways of the signals. */
export function checkTakenBy(routes: Routes): CheckTaken {
  return (receiver, signal) => {
    if (routes[signal].receivers.includes(receiver)) return;
    const why = routes.isWritten ? `pipelines.${signal} does not name receivers.${receiver}` : `${signal}.pass_through is false`;
    throw new CodedError('UNIMPLEMENTED', 'signal_not_taken', `${signal} are not taken here (${why})`);
  };
}
