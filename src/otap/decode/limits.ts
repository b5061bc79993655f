/** What one stream may ask of the decoder. Sizes are of decompressed data, as the sender declares it. */
export interface DecodeLimits {
  /** Bytes of all record batches of one BatchArrowRecords. */
  readonly batchBytesMax: number;
  /** Rows of one payload. */
  readonly rowsMax: number;
  /** Payloads of one BatchArrowRecords. */
  readonly payloadsMax: number;
  /** Entries of one dictionary. */
  readonly dictionaryEntriesMax: number;
  /** Bytes of all dictionaries of the stream; their texts, once read, take up to twice as much again. */
  readonly dictionaryBytesMax: number;
}

export const defaultLimits: DecodeLimits = {
  batchBytesMax: 256 * 1024 * 1024,
  rowsMax: 1 << 20,
  payloadsMax: 64,
  dictionaryEntriesMax: 1 << 20,
  dictionaryBytesMax: 64 * 1024 * 1024,
};
