import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { realSeam } from '../../../src/base/seam.ts';
import type { CompiledPolicy } from '../../../src/policy/compile/compiled.ts';
import { PolicyCompiler } from '../../../src/policy/compile/compiler.ts';
import { sqlFunctionFiles } from '../../../src/sampling/sql-functions.ts';
import { refusalOf } from './support.ts';

let compiler: PolicyCompiler;
beforeAll(async () => {
  compiler = await PolicyCompiler.create(sqlFunctionFiles(), realSeam());
});
afterAll(() => compiler.close());

const compile = (text: string): Promise<CompiledPolicy> => compiler.compile('p', text);
const reading = 'SELECT trace_id, 0.5 AS probability FROM traces LEFT JOIN history h ON h.key = root_name';

describe('the header', () => {
  test('declares key and value over the view of items, projected beside what the policy reads', async () => {
    const policy = await compile(`-- history: coalesce(root_service, '') || resource['region']\n-- history_value: duration_time_unix_nano / 1e6 -- ms\n-- history_keys: 50\n-- history_windows: 3\n${reading}`);
    expect(policy.history).toMatchObject({ keysMax: 50, windowsMax: 3 });
    expect(policy.history?.views).toEqual([{ view: 'traces', columns: ['item', 'duration_time_unix_nano', 'root_service'], keys: [{ source: 'resource', key: 'region', type: 'VARCHAR', field: 'k0' }] }]);
    expect(policy.views).toEqual([{ view: 'traces', columns: ['trace_id', 'root_name'], keys: [] }]);
    expect(policy.sides).toEqual([{ side: 'history', columns: ['key'] }]);
    expect(policy.warnings).toEqual([]);
  });

  test('of a policy that does not read history is a warning; a policy that reads it needs one', async () => {
    expect((await compile('-- history: root_name\nSELECT trace_id, 0.5 AS probability FROM traces')).warnings).toEqual(['the header declares history and nothing reads it']);
    expect((await refusalOf(compiler, reading)).message).toContain('history is read and the header does not say of what');
  });

  test.each([
    ['-- history: nosuch', 'unknown_name'],
    ['-- history: read_csv(root_name)', 'not_allowed'],
    ['-- history: now()', 'not_allowed'],
    ['-- history: random()', 'not_allowed'],
    ["-- history: attributes", 'not_allowed'],
    ['-- history: 1) AS VARCHAR), CAST((2', 'not_allowed'],
    ["-- history: root_name) AS VARCHAR) FROM traces; SELECT CAST((1", 'not_allowed'],
    ["-- history: root_name) AS VARCHAR), 1, 2 FROM traces --", 'syntax'],
    ['-- history: (SELECT name FROM spans LIMIT 1)', 'unknown_name'],
    ['-- history: count(*)', 'binding'],
    ['-- history_value: 1', 'not_allowed'],
    ['-- history: root_name\n-- history: root_kind', 'not_allowed'],
    ['-- history: root_name\n-- history_windows: 101', 'not_allowed'],
    ['-- history: root_name\n-- history_keys: many', 'not_allowed'],
  ])('%s is refused: %s', async (header, reason) => {
    expect((await refusalOf(compiler, `${header}\n${reading}`)).policyReason).toBe(reason);
  });

  test('is refused in the name of its policy, once, whatever that is called', async () => {
    const refusal = await compiler.compile('my policy', `-- history: nosuch\n${reading}`).catch((error: unknown) => error);
    expect(refusal).toMatchObject({ message: expect.stringMatching(/^policy my policy:1:1: the header's history: there is no column nosuch here/) });
  });
});
