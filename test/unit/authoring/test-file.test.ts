import { describe, expect, test } from 'vitest';
import { parseTestFile } from '../../../src/authoring/test-file/load.ts';
import { testFileSchema } from '../../../src/authoring/test-file/declaration.ts';
import { packageFile } from '../../../src/base/package-paths.ts';

const least = `
cases:
  - name: one
    given: { traces: [{ name: a }] }
    expect: { kept: [a] }
`;

describe('test files', () => {
  test('the least that is one, and its defaults', () => {
    const file = parseTestFile('x.test.yaml', least);
    expect(file).toMatchObject({ windowMs: 10_000, decisionWaitMs: 0, seed: 1, combine: 'union' });
    expect(file.cases[0].given.traces[0]).toMatchObject({ name: 'a', repeat: 1, spans: [{ name: { kind: 'same', value: 'span' }, durationMs: { kind: 'same', value: 10 } }] });
  });

  test('everything that is wrong is told at once, each with its line and path', () => {
    const text = `
windw: 10s
cases:
  - name: one
    given:
      traces:
        - { name: a, repeat: 0 }
        - { name: b, spans: [{ status: failed, duration: 10 }] }
      logs:
        - { name: l, severity: loud }
    expect:
      items:
        a: { kept: most, adjusted_count: { within: 3 } }
        a2: { kept: { within: 5 } }
`;
    expect(() => parseTestFile('x.test.yaml', text)).toThrow(expect.objectContaining({ message: `x.test.yaml has 8 errors:
  x.test.yaml:2: windw: unknown key; did you mean "window"?
  x.test.yaml:7: cases.0.given.traces.0.repeat: expected a whole number from 1 to 1000000, got 0
  x.test.yaml:8: cases.0.given.traces.1.spans.0.duration: expected a duration such as 10s, 1m30s or 250ms, got 10
  x.test.yaml:8: cases.0.given.traces.1.spans.0.status: expected one of unset, ok, error, got "failed"; known here: unset, ok, error
  x.test.yaml:10: cases.0.given.logs.0.severity: expected a severity such as warn, or a number from 0 to 24, got "loud"
  x.test.yaml:13: cases.0.expect.items.a.kept: expected a number, { is, within } or { min, max }, got "most"
  x.test.yaml:13: cases.0.expect.items.a.adjusted_count.is: is missing: The value.
  x.test.yaml:14: cases.0.expect.items.a2.kept.is: is missing: The value.
`.trimEnd() }));
  });

  test('names that nothing has, names twice, captures beside traces, expectations of nothing', () => {
    const text = `
cases:
  - name: one
    given:
      traces: [{ name: quick }, { name: quick }]
      logs: [{ name: l, trace: quik }]
      capture: x.otap
    expect: { kept: [quick, fast] }
  - name: one
    given: {}
    expect: {}
`;
    expect(() => parseTestFile('x.test.yaml', text)).toThrow(expect.objectContaining({ message: `x.test.yaml has 7 errors:
  x.test.yaml:7: cases.0.given.capture: a capture comes alone: its times are its own
  x.test.yaml:5: cases.0.given.traces.1.name: "quick" is the name of another given item
  x.test.yaml:6: cases.0.given.logs.0.trace: no given trace has this name; did you mean "quick"?
  x.test.yaml:8: cases.0.expect.kept.1: no given item is called "fast"; known here: quick, l
  x.test.yaml:9: cases.1.name: "one" is the name of another case
  x.test.yaml:10: cases.1.given: give traces, logs or a capture
  x.test.yaml:11: cases.1.expect: expect something: a case without expectations shows nothing` }));
  });

  test('config/policy-test.schema.json is fresh', async () => {
    await expect(`${JSON.stringify(testFileSchema(), null, 2)}\n`).toMatchFileSnapshot(packageFile('config/policy-test.schema.json'));
  });
});
