import { afterAll, beforeAll, expect, test } from 'vitest';
import { PolicyCompiler } from '../../../src/policy/compile/compiler.ts';
import { sqlFunctionFiles } from '../../../src/sampling/sql-functions.ts';

let compiler: PolicyCompiler;
beforeAll(async () => {
  compiler = await PolicyCompiler.create(sqlFunctionFiles());
});
afterAll(() => compiler.close());

const sample = 'SELECT unnest(bottom_k(item, 3), recursive := true) FROM traces GROUP BY root_service';

test.each([
  [false, 'SELECT trace_id, 0.1 AS probability FROM traces WHERE has_error'],
  [false, 'SELECT id, 0.1 AS probability FROM logs'],
  [false, 'SELECT trace_id, bottom_k_p(item, 3, root_service) AS probability FROM traces'],
  [false, sample],
  [true, 'SELECT trace_id, 0.1 AS probability FROM spans'],
  [true, 'SELECT trace_id, 0.1 AS probability FROM traces UNION ALL SELECT trace_id, 0.2 FROM traces'],
  [true, `${sample} UNION ALL ${sample}`],
  [true, 'SELECT trace_id, unnest([0.1, 0.2]) AS probability FROM traces'],
  [true, 'SELECT t.trace_id, 0.1 AS probability FROM traces t JOIN spans s USING (trace_id)'],
  [false, 'SELECT unnest(bottom_k(item, 3), recursive := true) FROM logs GROUP BY service_name'],
  [true, 'SELECT unnest(bottom_k(l.item, 3), recursive := true) FROM logs l JOIN logs m USING (service_name) GROUP BY l.service_name'],
])('rows are grouped by item: %s, %s', async (isGrouped, sql) => {
  const { wrappedSql, quickSqls = [] } = await compiler.compile('p', sql);
  expect(/\) GROUP BY k(, split)?$/.test(quickSqls[0] ?? wrappedSql)).toBe(isGrouped);
});
