import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PolicyCompiler } from '../../../src/policy/compile/compiler.ts';
import { openCompiler, refusalOf } from './support.ts';

/** `message` is what follows `policy p` whole, so position and hint are part of it. */
type Wrong = readonly [text: string, message: string];

const names: readonly Wrong[] = [
  ['SELECT trace_id, 1.0 FROM tracs', ':1:27: there is no view tracs; did you mean traces?'],
  ['SELECT trace_id, 1.0\nFROM traces\nWHERE  has_eror', ':3:8: there is no column has_eror here; did you mean has_error?'],
  ["-- Größe\nSELECT id, 'ä' AS s, 1.0 FROM logs l WHERE l.boddy = 'x'", ':2:44: there is no column boddy here; did you mean body?'],
  ['SELECT trace_id, 1.0 FROM traces WHERE upperr(root_name) = 1', ':1:40: upperr() is not on the list of functions for policies; did you mean upper?'],
  ['SELECT id, 1.0 FROM spans WHERE severity_number > 9', ':1:33: there is no column severity_number here'],
];

const keys: readonly Wrong[] = [
  [
    "SELECT id, 1.0 FROM spans WHERE attributes['x'] > 5",
    ":1:33: attributes['x'] is read as VARCHAR and meets a number here; write attributes['x']::BIGINT, or declare -- attribute: x BIGINT",
  ],
  [
    "SELECT id, 1.0 FROM spans WHERE 5.5 >= resource['x']",
    ":1:40: resource['x'] is read as VARCHAR and meets a number here; write resource['x']::BIGINT, or declare -- resource: x BIGINT",
  ],
  [
    "SELECT id, 1.0 FROM spans WHERE attributes['x'] = true",
    ":1:33: attributes['x'] is read as VARCHAR and meets a boolean here; write attributes['x']::BOOLEAN, or declare -- attribute: x BOOLEAN",
  ],
  [
    "SELECT id, 1.0 FROM spans WHERE attributes['http.response.status_code'] IN (200, '500')",
    ":1:33: attributes['http.response.status_code'] is read as BIGINT (semantic conventions) and meets a text here; "
    + 'compare it with a number without quotes; if your values are of another type declare -- attribute: http.response.status_code VARCHAR',
  ],
  [
    "SELECT id, 1.0 FROM spans WHERE attributes['x']::BIGINT > 5 OR attributes['x']::DOUBLE > 1.5",
    ":1:64: attributes['x'] is cast to DOUBLE here and to BIGINT at 1:33; declare its type: -- attribute: x DOUBLE",
  ],
  [
    "SELECT id, 1.0 FROM spans WHERE attributes['x'] * 2 > 5",
    ":1:49: No function matches the given name and argument types '*(VARCHAR, INTEGER_LITERAL)'. You might need to add explicit type casts.; "
    + "attributes['x'] is read as VARCHAR: cast to BIGINT, DOUBLE or BOOLEAN what is none",
  ],
  [
    'SELECT id, 1.0 FROM logs WHERE attributes[body] IS NULL',
    ':1:32: attributes[...] takes a constant key; join the star table (span_attrs, log_attrs) on parent_id and compare its column key',
  ],
  ['SELECT id, 1.0 FROM logs WHERE attributes.x IS NULL', ":1:32: attributes.x is refused: keys have case and dots; write attributes['key']"],
  ['SELECT id, 1.0 FROM logs l WHERE l.resource.k0 IS NULL', ":1:34: resource.k0 is refused: keys have case and dots; write resource['key']"],
  [
    'SELECT id, 1.0 FROM logs WHERE attributes IS NULL',
    ":1:32: attributes is no value of its own; read one key: attributes['key']; all keys are rows of the star tables (span_attrs, log_attrs, resource_attrs)",
  ],
  ["SELECT id, attributes, 1.0 AS probability FROM logs WHERE attributes['x'] = 'y'", ":1:12: attributes is no value of its own; read one key: attributes['key']; all keys are rows of the star tables (span_attrs, log_attrs, resource_attrs)"],
  ['SELECT id, body AS resource, 1.0 AS probability FROM logs', ':1:12: resource would stand for attributes or resource and for something else; give it a name of its own'],
  ["SELECT id, 1.0 FROM (SELECT id, attributes AS name FROM spans) WHERE name['x'] = 'y'", ':1:33: name would stand for attributes or resource and for something else; give it a name of its own'],
  ["SELECT id, 1.0 FROM (SELECT l AS r FROM logs l) WHERE (r).attributes['x'] = 'y'", ':1:56: attributes is to be named as a column, not taken out of a row'],
];

const headers: readonly Wrong[] = [
  ['-- signal: metrics\nSELECT 1', ':1:1: signal metrics is not known; a policy names items of traces or of logs'],
  ['-- signal: logs\nSELECT trace_id, 1.0 FROM traces', ':2:27: traces belongs to traces, but the header says logs; a policy reads the windows of one signal'],
  ['SELECT l.id, 1.0 FROM logs l, spans s', ':1:31: spans belongs to traces, but other tables are of logs; a policy reads the windows of one signal'],
  ['SELECT parent_id, 1.0 FROM resource_attrs', ': nothing says which signal the policy is for; begin the file with -- signal: traces or -- signal: logs'],
  ['-- a policy\n-- attribute: x int8\nSELECT 1', ':2:1: "x int8" is not a key and its type; write -- attribute: my.key BIGINT; types are VARCHAR, BIGINT, DOUBLE, BOOLEAN'],
  ['-- attribute: x BIGINT\n-- attribute: x DOUBLE\nSELECT 1', ':2:1: x is declared DOUBLE here and BIGINT in line 1'],
  ['-- mode: shadw\nSELECT trace_id, 1.0 FROM traces', ':1:1: mode shadw is not known; did you mean shadow?'],
  ['-- mode: shadow\n-- mode: drop\nSELECT trace_id, 1.0 FROM traces', ':2:1: the header declares two modes'],
];

const shapes: readonly Wrong[] = [
  ['SELECT trace_id FROM traces', ': no column says with which probability; add a column: 1.0 AS probability'],
  ['SELECT trace_id, 1 FROM traces', ': no column says with which probability; add a column: 1.0 AS probability'],
  ['SELECT trace_id, root_name AS probability FROM traces', ': probability is VARCHAR, not a number; a probability is a number from 0 to 1'],
  ['SELECT trace_id, 1.0 AS probability, 0.5 AS Probability FROM traces', ': there are two columns probability; return it once'],
  ['SELECT root_name, 1.0 FROM traces', ': no column names the item (root_name VARCHAR, 1.0 DECIMAL(2,1)); return trace_id (of traces or spans) or id (of spans or logs) as the first column'],
  ['SELECT bottom_k(item, 5) a, bottom_k(item, 6) b FROM traces', ': a and b both hold picks; return one such column'],
  ['SELECT trace_id, 1.0 FROM logs', ': a logs policy names records by id, not by trace_id; SELECT id FROM logs WHERE trace_id IN (...)'],
  ['SELECT id, 1.0 FROM span_events', ': the id returned is not that of a span; return trace_id, or parent_id of events and links'],
];

let compiler: PolicyCompiler;

beforeAll(async () => {
  compiler = await openCompiler();
});

afterAll(() => {
  compiler.close();
});

describe.each([['names', names], ['keys', keys], ['headers and signals', headers], ['results', shapes]] as const)('%s', (_, wrongs) => {
  test.each(wrongs)('%s', async (text, message) => {
    expect((await refusalOf(compiler, text)).message).toBe(`policy p${message}`);
  });
});

test('a header that is not known is a warning, prose is not', async () => {
  const { warnings } = await compiler.compile('p', '-- Keeps this: all that is good.\n-- owner: me\n\nSELECT trace_id, 1.0 FROM traces -- signal: logs');
  expect(warnings).toEqual(['line 2: the header owner is not known and has no effect']);
});

test('what a header declares wins over conventions and casts', async () => {
  const text = `-- attribute: http.response.status_code VARCHAR\n-- attribute: x DOUBLE
    SELECT id, 1.0 FROM spans WHERE attributes['http.response.status_code'] = '500' AND attributes['x']::BIGINT = 1 AND attributes['x']::INTEGER < 5`;
  const { views } = await compiler.compile('p', text);
  expect(views[0].keys.map(({ key, type }) => `${key} ${type}`)).toEqual(['http.response.status_code VARCHAR', 'x DOUBLE']);
});

test('errors say it with a code: refused for good, with a stable reason', async () => {
  const error = await refusalOf(compiler, 'SELECT trace_id, 1.0 FROM tracs');
  expect([error.status, error.reason, error.policyReason, error.position]).toEqual(['INVALID_ARGUMENT', 'policy_unknown_name', 'unknown_name', { line: 1, column: 27 }]);
});
