import { CodedError } from '../../base/errors.ts';

/** Why a policy was refused or failed; a stable word for counters. */
export type PolicyErrorReason =
  | 'syntax'
  | 'not_allowed'
  | 'unknown_name'
  | 'key_type'
  | 'signal'
  | 'shape'
  | 'binding'
  | 'too_large'
  | 'deadline'
  | 'rows_max'
  | 'memory'
  | 'failed';

/** Where in the policy's text, both from 1; columns count characters. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

export interface PolicyErrorDetail {
  readonly position?: Position | null;
  readonly hint?: string | null;
  readonly cause?: unknown;
  readonly connectionLost?: boolean;
}

/** A policy that cannot be compiled, or failed while it ran. The message reads `NAME:LINE:COLUMN: what; hint`. */
export class PolicyError extends CodedError {
  readonly policy: string;
  readonly policyReason: PolicyErrorReason;
  /** What is wrong, without place and hint. */
  readonly problem: string;
  readonly position: Position | null;
  readonly hint: string | null;
  /** The query still runs on the connection that it was given: leave that connection alone and open another. */
  readonly connectionLost: boolean;

  constructor(policy: string, reason: PolicyErrorReason, problem: string, detail: PolicyErrorDetail = {}) {
    const { position = null, hint = null, cause, connectionLost = false } = detail;
    const place = position === null ? policy : `${policy}:${position.line}:${position.column}`;
    const text = `policy ${place}: ${problem}${hint === null ? '' : `; ${hint}`}`;
    super(reason === 'deadline' ? 'DEADLINE_EXCEEDED' : 'INVALID_ARGUMENT', `policy_${reason}`, text, { cause });
    this.name = 'PolicyError';
    this.policy = policy;
    this.policyReason = reason;
    this.problem = problem;
    this.position = position;
    this.hint = hint;
    this.connectionLost = connectionLost;
  }
}

/** Whether an error means that the connection is lost. */
export function isConnectionLost(error: unknown): boolean {
  return error instanceof PolicyError && error.connectionLost;
}
