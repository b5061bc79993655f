import { NoEqual } from '../finding.ts';

export type Token =
  | { readonly kind: 'text' | 'word' | 'symbol'; readonly text: string }
  | { readonly kind: 'number'; readonly text: string };

const pattern = /\s+|("(?:[^"\\]|\\.)*")|([A-Za-z_][A-Za-z0-9_]*)|(\d+\.\d*|\.\d+|\d+)|(==|!=|<=|>=|[<>()[\].,+\-*/])/gy;
const escapes: { readonly [letter: string]: string } = { n: '\n', t: '\t', r: '\r', '"': '"', '\\': '\\' };
const lengthMax = 10_000;

/** The tokens of an OTTL condition (pkg/ottl/grammar.go). Throws NoEqual at what is none. */
export function tokensOf(source: string): readonly Token[] {
  if (source.length > lengthMax) throw new NoEqual(`the condition is longer than ${lengthMax} characters`);
  const tokens: Token[] = [];
  pattern.lastIndex = 0;
  while (pattern.lastIndex < source.length) {
    const at = pattern.lastIndex;
    const match = pattern.exec(source);
    if (match === null) throw new NoEqual(`cannot read the condition from "${source.slice(at, at + 20)}" on`);
    const [, text, word, number, symbol] = match;
    if (text !== undefined) tokens.push({ kind: 'text', text: unescaped(text.slice(1, -1)) });
    else if (word !== undefined) tokens.push({ kind: 'word', text: word });
    else if (number !== undefined) tokens.push({ kind: 'number', text: number });
    else if (symbol !== undefined) tokens.push({ kind: 'symbol', text: symbol });
  }
  return tokens;
}

function unescaped(text: string): string {
  return text.replace(/\\(.)/gs, (whole, letter: string) => {
    const found = escapes[letter];
    if (found === undefined) throw new NoEqual(`the escape ${whole} in a text is not known`);
    return found;
  });
}
