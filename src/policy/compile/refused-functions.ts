/** Splits a list of names at white space. */
export function words(text: string): readonly string[] {
  return text.trim().split(/\s+/);
}

/** Why a function is refused. */
export type RefusalClass =
  | 'time' | 'chance' | 'hash' | 'session' | 'catalog' | 'files' | 'queryText' | 'sideEffect' | 'unbounded' | 'lambda' | 'error' | 'pragma' | 'types' | 'documents' | 'locale'
  | 'internal' | 'spelling';

/** What is said of each class. */
export const refusalReasons: { readonly [name in RefusalClass]: { readonly what: string; readonly hint: string | null } } = {
  time: { what: 'reads the clock: a window must be decided the same again', hint: 'compare with the columns of the window (start_time, time)' },
  chance: { what: 'draws fresh chance, so its counts cannot be told', hint: 'write bottom_k(item, k) or a probability, whose chance is the item\'s own' },
  hash: { what: 'makes a choice that no threshold describes', hint: 'write bottom_k(item, k) or a probability, whose chance is the item\'s own' },
  session: { what: 'reads the session or its settings', hint: null },
  catalog: { what: 'reads the database\'s catalog', hint: null },
  files: { what: 'reads files', hint: null },
  queryText: { what: 'runs text as a query', hint: null },
  sideEffect: { what: 'changes something outside the query', hint: null },
  unbounded: { what: 'makes values of any size and cannot be interrupted', hint: null },
  lambda: { what: 'runs an expression over lists of any length and cannot be interrupted', hint: 'unnest the list in a subquery' },
  pragma: { what: 'is a command, not a function of values', hint: null },
  types: { what: 'works on a type that no view holds (maps, unions, enums, bits, fixed arrays, shapes, time zones)', hint: 'views hold numbers, texts, times, lists and structs' },
  documents: { what: 'writes documents, which grow with each nesting', hint: 'read JSON with ->> and json_extract' },
  locale: { what: 'depends on the tables of languages that this build has', hint: 'compare lower(x)' },
  internal: { what: 'is a part of DuckDB itself, not meant to be called', hint: null },
  spelling: { what: 'is not needed beside the functions that policies may call', hint: 'the list_ functions do what the array_ ones do' },
  error: { what: 'fails the policy on purpose', hint: 'leave the row out, or give it a probability' },
};

/** Functions refused by name. */
const refusedNames: { readonly [name in RefusalClass]: readonly string[] } = {
  time: words(`now today current_date current_time current_timestamp get_current_time get_current_timestamp current_localtime
    current_localtimestamp localtime localtimestamp transaction_timestamp age ago uuidv7`),
  chance: words('random uuid uuidv4 gen_random_uuid setseed set_seed reservoir_quantile'),
  hash: words('hash md5 md5_number md5_number_lower md5_number_upper sha1 sha256 uuid_extract_timestamp uuid_extract_version'),
  session: words(`current_setting getenv getvariable current_user current_role session_user user current_query current_query_id
    current_connection_id current_transaction_id txid_current version in_search_path current_database current_catalog current_schema
    current_schemas icu_calendar_names`),
  catalog: words(`seq_scan summary stats can_cast_implicitly get_block_size sql_auto_complete which_secret col_description obj_description
    shobj_description format_type format_pg_type map_to_pg_oid check_peg_parser`),
  files: words('glob parquet_scan sniff_csv arrow_scan arrow_scan_dumb parse_path parse_dirname parse_dirpath parse_filename'),
  queryText: words(`query query_table json_execute_serialized_sql json_deserialize_sql json_serialize_sql json_serialize_plan
    list_aggregate list_aggr array_aggregate array_aggr aggregate histogram_values`),
  sideEffect: words(`nextval currval write_log enable_logging disable_logging truncate_duckdb_logs enable_profiling disable_profiling
    checkpoint force_checkpoint sleep_ms pg_sleep enable_peg_parser disable_peg_parser set_config parse_duckdb_log_message`),
  unbounded: words(`repeat repeat_row printf format bar list_resize array_resize test_all_types test_vector_types
    bitstring bitstring_agg to_base json_each json_tree generate_subscripts regexp_split_to_table equi_width_bins histogram_exact
    damerau_levenshtein editdist3 to_binary bin factorial`),
  lambda: words(`list_reduce array_reduce reduce list_transform array_transform list_apply array_apply apply list_filter array_filter
    filter`),
  error: words('error'),
  pragma: words(`add_parquet_key all_profiling_output collations copy_database database_list database_size disable_checkpoint_on_shutdown
    disable_object_cache disable_optimizer disable_print_progress_bar disable_profile disable_progress_bar disable_verification
    disable_verify_external disable_verify_fetch_row disable_verify_parallelism disable_verify_serializer enable_checkpoint_on_shutdown
    enable_object_cache enable_optimizer enable_print_progress_bar enable_profile enable_progress_bar enable_verification
    extension_versions functions import_database metadata_info platform show show_databases show_tables show_tables_expanded storage_info
    table_info user_agent verify_external verify_fetch_row verify_parallelism verify_serializer`),
  types: words(`alias array_cosine_distance array_cosine_similarity array_cross_product array_distance array_dot_product array_inner_product
    array_negative_dot_product array_negative_inner_product array_value bit_position cardinality cast_to_type enum_code enum_first enum_last
    enum_range enum_range_boundary from_base64 base64 to_base64 from_binary unbin encode decode get_bit set_bit get_type make_type
    make_timestamptz map map_concat map_contains map_contains_entry map_contains_value map_entries map_extract map_extract_value
    map_from_entries map_keys map_values replace_type switch timezone timezone_hour timezone_minute union_extract union_tag union_value
    list_cosine_distance list_cosine_similarity list_distance list_dot_product list_inner_product list_negative_dot_product
    list_negative_inner_product list_histogram is_histogram_other_bin <-> <=>`),
  documents: words(`array_to_json from_json from_json_strict json json_array json_group_array json_group_object json_group_structure
    json_merge_patch json_object json_pretty json_quote json_structure json_transform json_transform_strict row_to_json to_json`),
  locale: words('icu_sort_key left_grapheme right_grapheme length_grapheme substring_grapheme'),
  internal: words(`!__postfix combine finalize constant_or_null create_sort_key fill remap_struct sum_no_overflow timetz_byte_comparable
    unpivot_list vector_type array_to_string_comma_default normalized_interval`),
  spelling: words(`array_append array_cat array_concat array_distinct array_extract array_grade_up array_indexof array_intersect array_pop_back
    array_pop_front array_prepend array_push_back array_push_front array_reverse array_reverse_sort array_select array_sort array_unique
    array_where array_zip formatreadabledecimalsize formatreadablesize parse_formatted_bytes arg_max_nulls_last arg_min_nulls_last
    grade_up list_grade_up list_select list_where list_zip list_approx_count_distinct list_bit_and list_bit_or list_bit_xor
    list_entropy list_kurtosis list_kurtosis_pop list_mad list_mode list_sem list_skewness list_string_agg struct_concat struct_contains
    struct_has struct_indexof struct_insert struct_keys struct_position struct_update struct_values century days_in_month decade era julian
    millennium to_centuries to_decades to_millennia to_quarters`),
};

const refusedPatterns: readonly (readonly [RegExp, RefusalClass])[] = [
  [/^read_/, 'files'],
  [/^parquet_/, 'files'],
  [/^(duckdb|pragma|pg|has|inet|sqlite)_/, 'catalog'],
  [/^icu_collate_/, 'locale'],
  [/^st_/, 'types'],
  [/^__internal|^variant_|^current_/, 'session'],
];

const refusedByName: ReadonlyMap<string, RefusalClass> = new Map(
  Object.entries(refusedNames).flatMap(([kind, names]) =>
    isRefusalClass(kind) ? names.map((name): [string, RefusalClass] => [name, kind]) : [],
  ),
);

function isRefusalClass(name: string): name is RefusalClass {
  return name in refusalReasons;
}

/** The class that `name` (lower case) is refused for; null where it is not refused by name. */
export function refusalOf(name: string): RefusalClass | null {
  return refusedByName.get(name) ?? refusedPatterns.find(([pattern]) => pattern.test(name))?.[1] ?? null;
}
