/** A text as a SQL literal. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** A number as a SQL literal: DuckDB reads no sign of an exponent that is left out. */
export function numeral(value: number): string {
  const text = String(value);
  return text.includes('e') ? value.toFixed(20).replace(/\.?0+$/, '') : text;
}

/** A probability as it is written: `1.0` and not `1`, which would be a count. */
export function fraction(value: number): string {
  const text = numeral(Number(value.toPrecision(15)));
  return text.includes('.') ? text : `${text}.0`;
}

/** `x = 'a'` or `x IN ('a', 'b')`, of literals. */
export function isOneOf(operand: string, literals: readonly string[]): string {
  return literals.length === 1 ? `${operand} = ${literals[0]}` : `${operand} IN (${literals.join(', ')})`;
}

/** Conditions joined by OR, in parentheses where there are several. */
export function anyOf(conditions: readonly string[]): string {
  return conditions.length === 1 ? conditions[0] : `(${conditions.join(' OR ')})`;
}

/** Lines of a WHERE: each condition on a line of its own. */
export function whereLines(conditions: readonly string[]): readonly string[] {
  return conditions.map((condition, index) => (index === 0 ? `WHERE ${condition}` : `  AND ${condition}`));
}

const reserved = /[\n\r\u2028\u2029]/g;

/** Text for a comment: one line. */
export function commentText(text: string): string {
  return text.replace(reserved, ' ');
}

/** Comment lines of at most about 130 characters. */
export function commentLines(text: string): readonly string[] {
  const lines: string[] = [];
  for (const word of commentText(text).split(' ')) {
    const last = lines[lines.length - 1];
    if (last !== undefined && last.length + 1 + word.length <= 130) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(lines.length === 0 ? `-- ${word}` : `--   ${word}`);
  }
  return lines;
}
