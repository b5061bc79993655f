/**
 * The part of DuckDB's syntax tree that policies may use, as data: which fields a node of each kind has and what each
 * holds. Anything that is not here is refused, so that what a later DuckDB adds is refused until somebody has read about it.
 *
 * A field holds `value` (data without syntax below), `empty` (must be null, '' or []), or a rule's name; with `[]`, a list.
 */
export type Rule = 'query' | 'modifier' | 'table' | 'expression' | 'statement' | 'ctes' | 'cte' | 'cteValue' | 'order' | 'orders' | 'case' | 'replacement' | 'type';

export type Content = 'value' | 'empty' | Rule | `${Rule}[]` | 'expression[][]';

export type Fields = { readonly [field: string]: Content };

const queryFields = { type: 'value', modifiers: 'modifier[]', cte_map: 'ctes' } as const;
const tableFields = { type: 'value', alias: 'value', query_location: 'value' } as const;
const expressionFields = { class: 'value', type: 'value', alias: 'value', query_location: 'value' } as const;

/** Rules whose nodes come in kinds, told apart by `class` (expressions) or `type`. */
export const kinds: { readonly [rule in 'query' | 'modifier' | 'table' | 'expression']: { readonly [kind: string]: Fields } } = {
  query: {
    SELECT_NODE: {
      ...queryFields,
      select_list: 'expression[]',
      from_table: 'table',
      where_clause: 'expression',
      group_expressions: 'expression[]',
      group_sets: 'value',
      aggregate_handling: 'value',
      having: 'expression',
      sample: 'empty',
      qualify: 'expression',
    },
    SET_OPERATION_NODE: { ...queryFields, setop_type: 'value', left: 'query', right: 'query', setop_all: 'value', children: 'query[]' },
  },
  modifier: {
    DISTINCT_MODIFIER: { type: 'value', distinct_on_targets: 'expression[]' },
    ORDER_MODIFIER: { type: 'value', orders: 'order[]' },
    LIMIT_MODIFIER: { type: 'value', limit: 'expression', offset: 'expression' },
    LIMIT_PERCENT_MODIFIER: { type: 'value', limit: 'expression', offset: 'expression' },
  },
  table: {
    BASE_TABLE: {
      ...tableFields,
      sample: 'empty',
      schema_name: 'empty',
      catalog_name: 'empty',
      at_clause: 'empty',
      table_name: 'value',
      column_name_alias: 'value',
    },
    JOIN: {
      ...tableFields,
      sample: 'empty',
      left: 'table',
      right: 'table',
      condition: 'expression',
      join_type: 'value',
      ref_type: 'value',
      using_columns: 'value',
      delim_flipped: 'value',
      duplicate_eliminated_columns: 'empty',
    },
    SUBQUERY: { ...tableFields, sample: 'empty', subquery: 'statement', column_name_alias: 'value' },
    TABLE_FUNCTION: { ...tableFields, sample: 'empty', function: 'expression', column_name_alias: 'value', with_ordinality: 'value' },
    EXPRESSION_LIST: { ...tableFields, sample: 'empty', expected_names: 'value', expected_types: 'value', values: 'expression[][]' },
    EMPTY: { ...tableFields, sample: 'empty' },
  },
  expression: {
    COLUMN_REF: { ...expressionFields, column_names: 'value' },
    CONSTANT: { ...expressionFields, value: 'value' },
    FUNCTION: {
      ...expressionFields,
      function_name: 'value',
      schema: 'value',
      catalog: 'empty',
      children: 'expression[]',
      filter: 'expression',
      order_bys: 'orders',
      distinct: 'value',
      is_operator: 'value',
      export_state: 'value',
    },
    WINDOW: {
      ...expressionFields,
      function_name: 'value',
      schema: 'value',
      catalog: 'empty',
      children: 'expression[]',
      partitions: 'expression[]',
      orders: 'order[]',
      start: 'value',
      end: 'value',
      start_expr: 'expression',
      end_expr: 'expression',
      offset_expr: 'expression',
      default_expr: 'expression',
      ignore_nulls: 'value',
      filter_expr: 'expression',
      exclude_clause: 'value',
      distinct: 'value',
      arg_orders: 'order[]',
    },
    OPERATOR: { ...expressionFields, children: 'expression[]' },
    COMPARISON: { ...expressionFields, left: 'expression', right: 'expression' },
    CONJUNCTION: { ...expressionFields, children: 'expression[]' },
    BETWEEN: { ...expressionFields, input: 'expression', lower: 'expression', upper: 'expression' },
    CASE: { ...expressionFields, case_checks: 'case[]', else_expr: 'expression' },
    CAST: { ...expressionFields, child: 'expression', cast_type: 'type', try_cast: 'value' },
    SUBQUERY: { ...expressionFields, subquery_type: 'value', subquery: 'statement', child: 'expression', comparison_type: 'value' },
    STAR: {
      ...expressionFields,
      relation_name: 'value',
      exclude_list: 'value',
      replace_list: 'replacement[]',
      columns: 'value',
      expr: 'empty',
      qualified_exclude_list: 'value',
      rename_list: 'value',
    },
    LAMBDA: { ...expressionFields, lhs: 'expression', expr: 'expression' },
  },
};

/** Rules with one form. */
export const forms: { readonly [rule: string]: Fields } = {
  statement: { node: 'query', named_param_map: 'empty' },
  ctes: { map: 'cte[]' },
  cte: { key: 'value', value: 'cteValue' },
  cteValue: { aliases: 'value', query: 'statement', materialized: 'value', key_targets: 'empty' },
  order: { type: 'value', null_order: 'value', expression: 'expression' },
  orders: { type: 'value', orders: 'order[]' },
  case: { when_expr: 'expression', then_expr: 'expression' },
  replacement: { key: 'value', value: 'expression' },
  type: { id: 'value', type_info: 'value' },
};

/** Operators (node type of class OPERATOR) that policies may use. */
export const allowedOperators: ReadonlySet<string> = new Set([
  'ARRAY_EXTRACT',
  'ARRAY_SLICE',
  'STRUCT_EXTRACT',
  'ARRAY_CONSTRUCTOR',
  'COMPARE_IN',
  'COMPARE_NOT_IN',
  'OPERATOR_NOT',
  'OPERATOR_IS_NULL',
  'OPERATOR_IS_NOT_NULL',
  'OPERATOR_COALESCE',
  'GROUPING_FUNCTION',
]);

/** Types that a CAST may name; nested ones by their parts. */
export const allowedCastTypes: ReadonlySet<string> = new Set(
  `BOOLEAN TINYINT SMALLINT INTEGER BIGINT HUGEINT UTINYINT USMALLINT UINTEGER UBIGINT UHUGEINT FLOAT DOUBLE DECIMAL
   VARCHAR UUID DATE TIME TIMESTAMP TIMESTAMP_NS TIMESTAMP_MS TIMESTAMP_S INTERVAL LIST STRUCT`.split(/\s+/),
);

const bottomK = 'write bottom_k(item, k), whose chance is the item\'s own and whose counts are right';

/** What is said of syntax that is refused, by the field or kind that shows it. */
export const refusals: { readonly [kind: string]: { readonly what: string; readonly hint: string | null } } = {
  sample: { what: 'SAMPLE draws fresh chance, so its counts cannot be told', hint: bottomK },
  at_clause: { what: 'AT (time travel) has no meaning on a window', hint: null },
  schema_name: { what: 'a table with a schema is not a view of the window', hint: 'write the view\'s name alone' },
  catalog_name: { what: 'a table with a catalog is not a view of the window', hint: 'write the view\'s name alone' },
  catalog: { what: 'a function with a catalog is refused', hint: 'write the function\'s name alone' },
  named_param_map: { what: 'parameters ($1, ?, $name) have no value here', hint: 'write the value itself' },
  PARAMETER: { what: 'parameters ($1, ?, $name) have no value here', hint: 'write the value itself' },
  RECURSIVE_CTE_NODE: { what: 'a recursive CTE may never end', hint: null },
  key_targets: { what: 'a recursive CTE may never end', hint: null },
  PIVOT: { what: 'PIVOT reads its columns from the data', hint: 'write the columns as aggregates with FILTER' },
  SHOW_REF: { what: 'DESCRIBE, SHOW and SUMMARIZE are no policies', hint: null },
  POSITIONAL_REFERENCE: { what: 'a positional reference (#1) is refused', hint: 'name the column' },
  COLLATE: { what: 'COLLATE is refused', hint: 'compare lower(x)' },
  OPERATOR_TRY: { what: 'TRY hides errors, those of the sampling functions too', hint: 'TRY_CAST takes care of values that do not convert' },
  expr: { what: 'COLUMNS(...) is refused', hint: 'name the columns' },
};
