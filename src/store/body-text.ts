import type { PayloadTable } from '../otap/batch.ts';
import { anyValueText, valueColumnsOf } from '../otap/decode/any-value.ts';

/** Log bodies as text, one a row; null where a record has none. */
export function bodyTexts(root: PayloadTable): (string | null)[] {
  const columns = valueColumnsOf(root, 'body.');
  const texts = new Array<string | null>(root.rowCount).fill(null);
  if (columns.type === null) return texts;
  for (let row = 0; row < texts.length; row++) texts[row] = anyValueText(columns, row);
  return texts;
}
