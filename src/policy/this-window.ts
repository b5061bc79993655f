/** From when to when a window's items came, ns since the epoch. */
export interface WindowBounds {
  readonly startNano: bigint;
  readonly endNano: bigint;
}

/** SELECT of the view `this_window`. */
export function thisWindowSql({ startNano, endNano }: WindowBounds): string {
  return `SELECT make_timestamp_ns(${startNano}::BIGINT) AS start_time, make_timestamp_ns(${endNano}::BIGINT) AS end_time,`
    + ` ${Number(endNano - startNano)}::DOUBLE / 1e9::DOUBLE AS seconds`;
}
