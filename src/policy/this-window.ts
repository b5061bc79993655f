/** SELECT of the view `this_window`: windows of one length, numbered from the epoch. */
export function thisWindowSql(number: number, lengthNano: bigint): string {
  const start = BigInt(number) * lengthNano;
  return `SELECT make_timestamp_ns(${start}::BIGINT) AS start_time, make_timestamp_ns(${start + lengthNano}::BIGINT) AS end_time,`
    + ` ${Number(lengthNano)}::DOUBLE / 1e9::DOUBLE AS seconds`;
}
