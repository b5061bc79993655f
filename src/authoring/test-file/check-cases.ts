import { suggestion } from '../../base/suggest.ts';
import type { Place } from '../../config/place.ts';
import type { TestCase, TestFile } from './declaration.ts';

/** What must hold between options that are each valid by themselves. */
export function checkCases({ cases }: TestFile, root: Place): void {
  if (cases.length === 0) root.at('cases').fail('name at least one');
  const names = new Set<string>();
  cases.forEach((testCase, index) => {
    const place = root.at('cases').at(index);
    if (names.has(testCase.name)) place.at('name').fail(`"${testCase.name}" is the name of another case`);
    names.add(testCase.name);
    checkGiven(testCase, place.at('given'));
    checkExpected(testCase, place.at('expect'));
    if (testCase.sql !== null && testCase.policies.length > 0) place.at('sql').fail('give either sql or policies');
  });
}

function checkGiven({ given, expect }: TestCase, place: Place): void {
  const isEmpty = given.traces.length + given.logs.length + given.captures.length === 0;
  if (isEmpty && expect.error === null) place.fail('give traces, logs or a capture');
  if (given.captures.length > 0 && given.traces.length + given.logs.length > 0) place.at('capture').fail('a capture comes alone: its times are its own');
  const names = new Set<string>();
  const take = (kind: 'traces' | 'logs', name: string, index: number): void => {
    if (names.has(name)) place.at(kind).at(index).at('name').fail(`"${name}" is the name of another given item`);
    names.add(name);
  };
  given.traces.forEach((trace, index) => {
    const at = place.at('traces').at(index);
    take('traces', trace.name, index);
    if (trace.id !== null && trace.repeat > 1) at.at('id').fail('an id belongs to one trace, and this is repeated');
    trace.spans.forEach((span, number) => {
      if (span.parent !== null && span.parent >= trace.spans.length) at.at('spans').at(number).at('parent').fail(`there is no span ${span.parent}`);
    });
  });
  given.logs.forEach((log, index) => take('logs', log.name, index));
  const traceNames = given.traces.map(({ name }) => name);
  const known = (name: string | null, at: Place): void => {
    if (name !== null && !traceNames.includes(name)) at.fail(`no given trace has this name${suggestion(name, traceNames)}`);
  };
  given.logs.forEach((log, index) => known(log.trace, place.at('logs').at(index).at('trace')));
  given.traces.forEach((trace, index) => trace.spans.forEach((span, number) => span.links.forEach((link, order) =>
    known(link.trace, place.at('traces').at(index).at('spans').at(number).at('links').at(order).at('trace')))));
}

function checkExpected({ given, expect }: TestCase, place: Place): void {
  const names = [...new Set([...given.traces, ...given.logs].map(({ name }) => name))];
  const written: [string, Place][] = [
    ...expect.kept.map((name, index): [string, Place] => [name, place.at('kept').at(index)]),
    ...expect.dropped.map((name, index): [string, Place] => [name, place.at('dropped').at(index)]),
    ...Object.keys(expect.items).map((name): [string, Place] => [name, place.at('items').at(name)]),
  ];
  for (const [name, at] of written) if (!names.includes(name)) at.fail(`no given item is called "${name}"${suggestion(name, names)}`);
  if (expect.unbiased?.by === 'name' && given.captures.length > 0) place.at('unbiased').at('by').fail('items of a capture have no names');
  const isNothing = written.length === 0 && Object.keys(expect.services).length === 0
    && [expect.traces, expect.spans, expect.logs, expect.budget, expect.unbiased, expect.error].every((one) => one === null);
  if (isNothing) place.fail('expect something: a case without expectations shows nothing');
}
