/**
 * Status names of gRPC that Thresher answers with; the numbers are those of the gRPC specification and of
 * OTAP's StatusCode.
 */
export const statusNumbers = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const;

export type StatusName = keyof typeof statusNumbers;

/**
 * An error that somebody outside can act on: `status` is what the protocol answers, `reason` is a short,
 * stable, snake_case word for counters (`thresher_refused_total{reason}`), the message says what to do.
 */
export class CodedError extends Error {
  readonly status: StatusName;
  readonly reason: string;
  /** For RESOURCE_EXHAUSTED and UNAVAILABLE: when to come again. */
  readonly retryAfterMs: number | null;

  constructor(
    status: StatusName,
    reason: string,
    message: string,
    options: { cause?: unknown; retryAfterMs?: number } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'CodedError';
    this.status = status;
    this.reason = reason;
    this.retryAfterMs = options.retryAfterMs ?? null;
  }
}

/** An error's message, whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
