import { NoEqual } from '../finding.ts';
import { type Token, tokensOf } from './tokens.ts';

/** A value of an OTTL expression. */
export type Value =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'number'; readonly value: number; readonly isWhole: boolean }
  | { readonly kind: 'bool'; readonly value: boolean }
  | { readonly kind: 'nil' }
  /** SPAN_KIND_SERVER. */
  | { readonly kind: 'enum'; readonly name: string }
  /** `resource.attributes["k"]` is [resource, attributes] with the key k. */
  | { readonly kind: 'path'; readonly parts: readonly string[]; readonly keys: readonly string[] }
  | { readonly kind: 'call'; readonly name: string; readonly args: readonly Value[] }
  | { readonly kind: 'difference'; readonly left: Value; readonly right: Value };

export type Comparison = '==' | '!=' | '<' | '<=' | '>' | '>=';

export type Expression =
  | { readonly kind: 'or' | 'and'; readonly parts: readonly Expression[] }
  | { readonly kind: 'not'; readonly part: Expression }
  | { readonly kind: 'compare'; readonly op: Comparison; readonly left: Value; readonly right: Value }
  /** A literal or a function that is true or false. */
  | { readonly kind: 'value'; readonly value: Value };

const comparisons: readonly string[] = ['==', '!=', '<', '<=', '>', '>='];
const depthMax = 100;

/** Parses a condition: or, and, not, comparisons, functions, paths, literals, differences. Throws NoEqual at the rest. */
export function parseOttl(source: string): Expression {
  const parser = new Parser(tokensOf(source));
  const expression = parser.or();
  parser.end();
  return expression;
}

class Parser {
  readonly #tokens: readonly Token[];
  #at = 0;
  #depth = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  end(): void {
    if (this.#at < this.#tokens.length) throw new NoEqual(`the condition goes on with ${this.#tokens[this.#at].text}, which is not understood`);
  }

  or(): Expression {
    if (++this.#depth > depthMax) throw new NoEqual('the condition is nested too deeply');
    const parts = [this.#and()];
    while (this.#takes('word', 'or')) parts.push(this.#and());
    this.#depth--;
    return parts.length === 1 ? parts[0] : { kind: 'or', parts };
  }

  #and(): Expression {
    const parts = [this.#not()];
    while (this.#takes('word', 'and')) parts.push(this.#not());
    return parts.length === 1 ? parts[0] : { kind: 'and', parts };
  }

  #not(): Expression {
    if (this.#takes('word', 'not')) return { kind: 'not', part: this.#primary() };
    return this.#primary();
  }

  #primary(): Expression {
    const start = this.#at;
    if (this.#takes('symbol', '(')) {
      const inner = this.or();
      this.#needs(')');
      if (inner.kind !== 'value' || !this.#isAtOperator()) return inner;
      this.#at = start;
    }
    const left = this.#difference();
    const token = this.#peek();
    if (token?.kind !== 'symbol' || !comparisons.includes(token.text)) return { kind: 'value', value: left };
    this.#at++;
    return { kind: 'compare', op: token.text as Comparison, left, right: this.#difference() };
  }

  #difference(): Value {
    let left = this.#value();
    while (this.#takes('symbol', '-')) left = { kind: 'difference', left, right: this.#value() };
    const token = this.#peek();
    if (token?.kind === 'symbol' && ['+', '*', '/'].includes(token.text)) throw new NoEqual(`arithmetic with ${token.text} is not converted`);
    return left;
  }

  #value(): Value {
    const token = this.#next();
    if (token.kind === 'text') return { kind: 'text', text: token.text };
    if (token.kind === 'number') return numberOf(token.text);
    if (token.kind === 'symbol') {
      if (token.text === '(') {
        const inner = this.#difference();
        this.#needs(')');
        return inner;
      }
      const number = token.text === '-' ? this.#next() : null;
      if (number?.kind === 'number') return numberOf(`-${number.text}`);
      throw new NoEqual(`${token.text} is not understood where a value should stand`);
    }
    if (token.text === 'true' || token.text === 'false') return { kind: 'bool', value: token.text === 'true' };
    if (token.text === 'nil') return { kind: 'nil' };
    if (this.#takes('symbol', '(')) return { kind: 'call', name: token.text, args: this.#args() };
    if (/^[A-Z][A-Z0-9_]*$/.test(token.text)) return { kind: 'enum', name: token.text };
    return this.#path(token.text);
  }

  #args(): readonly Value[] {
    const args: Value[] = [];
    if (this.#takes('symbol', ')')) return args;
    do args.push(this.#difference()); while (this.#takes('symbol', ','));
    this.#needs(')');
    return args;
  }

  #path(first: string): Value {
    const parts = [first];
    while (this.#takes('symbol', '.')) {
      const part = this.#next();
      if (part.kind !== 'word') throw new NoEqual(`${part.text} is no part of a path`);
      parts.push(part.text);
    }
    const keys: string[] = [];
    while (this.#takes('symbol', '[')) {
      const key = this.#next();
      if (key.kind !== 'text') throw new NoEqual('only constant keys in quotation marks are converted');
      keys.push(key.text);
      this.#needs(']');
    }
    return { kind: 'path', parts, keys };
  }

  /** What was in parentheses was a value. */
  #isAtOperator(): boolean {
    const token = this.#peek();
    return token?.kind === 'symbol' && (comparisons.includes(token.text) || token.text === '-');
  }

  #peek(): Token | undefined {
    return this.#tokens[this.#at];
  }

  #next(): Token {
    const token = this.#tokens[this.#at++];
    if (token === undefined) throw new NoEqual('the condition ends too early');
    return token;
  }

  #takes(kind: Token['kind'], text: string): boolean {
    const token = this.#peek();
    if (token?.kind !== kind || token.text !== text) return false;
    this.#at++;
    return true;
  }

  #needs(text: string): void {
    if (!this.#takes('symbol', text)) throw new NoEqual(`${text} is missing${this.#peek() === undefined ? ' at the end' : ` before ${this.#tokens[this.#at].text}`}`);
  }
}

function numberOf(text: string): Value {
  const value = Number(text);
  const isWhole = !text.includes('.');
  if (isWhole && !Number.isSafeInteger(value)) throw new NoEqual(`${text} is too large a number`);
  return { kind: 'number', value, isWhole };
}
