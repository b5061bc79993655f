/** Where readers put what they found of a batch: one entry a span. Filled again for every batch. */
export interface FiveColumns {
  /** 16 bytes a span. */
  readonly traceId: Uint8Array;
  /** ns since the epoch and ns; two words, low and high, a span. */
  readonly start: Uint32Array;
  readonly duration: Uint32Array;
  readonly status: Uint8Array;
  /** Number of the attribute's text in `texts`, from 1; 0 where the span has none. */
  readonly attribute: Uint32Array;
}

/** Reads five columns of every batch: trace id, start, duration, status, and one attribute of type string. */
export interface FiveColumnReader {
  /** Reads the next message of the stream into `out`; gives its number of spans. */
  read(bytes: Uint8Array, out: FiveColumns): number;
  /** Texts of the attribute in the order of their numbers. */
  readonly texts: ReadonlyMap<string, number>;
}

export const attributeKey = 'http.request.method';

export function fiveColumns(rowsMax: number): FiveColumns {
  return {
    traceId: new Uint8Array(rowsMax * 16), start: new Uint32Array(rowsMax * 2), duration: new Uint32Array(rowsMax * 2),
    status: new Uint8Array(rowsMax), attribute: new Uint32Array(rowsMax),
  };
}

/** The number of a text, given in the order in which texts come. */
export function numberOf(texts: Map<string, number>, text: string): number {
  const known = texts.get(text);
  if (known !== undefined) return known;
  texts.set(text, texts.size + 1);
  return texts.size;
}
