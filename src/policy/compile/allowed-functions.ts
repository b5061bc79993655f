import { words } from './refused-functions.ts';

/** Aggregates and window functions. */
const aggregates = words(`
  any_value approx_count_distinct approx_quantile approx_top_k arbitrary arg_max arg_max_null arg_min arg_min_null argmax argmin
  array_agg avg bit_and bit_or bit_xor bool_and bool_or corr count count_if count_star countif covar_pop covar_samp entropy favg
  first fsum geomean geometric_mean group_concat histogram kahan_sum kurtosis kurtosis_pop last list listagg mad max max_by mean
  median min min_by mode product quantile quantile_cont quantile_disc regr_avgx regr_avgy regr_count regr_intercept regr_r2
  regr_slope regr_sxx regr_sxy regr_syy sem skewness stddev stddev_pop stddev_samp string_agg sum sumkahan var_pop var_samp
  variance wavg weighted_avg
  cume_dist dense_rank first_value lag last_value lead nth_value ntile percent_rank rank rank_dense row_number`);

/** Functions whose work and result are bounded by their arguments. */
const scalars = words(`
  + - * / // % ** ^ & | << >> ~ @ || ~~ !~~ ~~* !~~* ~~~ ^@ && @> <@ -> ->>
  abs acos acosh add asin asinh atan atan2 atanh bit_count cbrt ceil ceiling cos cosh cot degrees divide even exp fdiv floor fmod
  gamma gcd greatest greatest_common_divisor isfinite isinf isnan lcm least least_common_multiple lgamma ln log log10 log2 mod
  multiply nextafter pi pow power radians round round_even roundbankers sign signbit sin sinh sqrt subtract tan tanh trunc xor

  ascii bit_length char_length character_length chr concat concat_ws contains  ends_with format_bytes
  from_hex hamming hex ilike_escape instr jaccard jaro_similarity jaro_winkler_similarity lcase left length
  levenshtein like_escape lower ltrim mismatches nfc_normalize not_ilike_escape not_like_escape octet_length ord overlay position prefix
  regexp_escape regexp_extract regexp_extract_all regexp_full_match regexp_matches regexp_replace regexp_split_to_array replace reverse
  right rtrim split split_part starts_with str_split str_split_regex string_split string_split_regex string_to_array strip_accents
  strlen strpos substr substring suffix to_hex translate trim ucase unhex unicode upper url_decode url_encode

  date_add date_diff date_part date_sub date_trunc datediff datepart datesub datetrunc day dayname dayofmonth dayofweek dayofyear
  epoch epoch_ms epoch_ns epoch_us hour isodow isoyear last_day make_date make_time make_timestamp make_timestamp_ms make_timestamp_ns
  microsecond millisecond minute month monthname nanosecond quarter second strftime strptime time_bucket to_days to_hours
  to_microseconds to_milliseconds to_minutes to_months to_seconds to_timestamp to_weeks to_years try_strptime week weekday weekofyear
  year yearweek

  array_contains array_has array_has_all array_has_any array_length array_position array_slice array_to_string element_at flatten len
  list_any_value list_append list_avg list_bool_and list_bool_or list_cat list_concat list_contains list_count list_distinct
  list_element list_extract list_first list_has list_has_all list_has_any list_indexof list_intersect list_last list_max list_median
  list_min list_pack list_position list_prepend list_product list_reverse list_reverse_sort list_slice list_sort list_stddev_pop
  list_stddev_samp list_sum list_unique list_value list_var_pop list_var_samp unnest
  row struct_extract struct_extract_at struct_pack

  json_array_length json_contains json_exists json_extract json_extract_path json_extract_path_text json_extract_string json_keys
  json_type json_valid json_value

  if ifnull nullif typeof`);

/** Functions that policies may call; the sampling macros come on top. Lower case, operators among them. */
export const allowedFunctions: ReadonlySet<string> = new Set([...aggregates, ...scalars]);

/**
 * Macros of sql/functions that policies may call, those of them that are loaded; the others are parts of these, and not bounded
 * by themselves.
 */
export const samplingFunctions: ReadonlySet<string> = new Set(
  words(`bottom_k weighted_reservoir_sample weighted_reservoir_sample_exp budget_sample weighted_budget_sample bottom_k_every
    weighted_reservoir_sample_every weighted_reservoir_sample_exp_every budget_sample_every weighted_budget_sample_every oversize_rows
    bottom_k_p weighted_reservoir_sample_p weighted_reservoir_sample_exp_p budget_sample_p weighted_budget_sample_p
    stratified_sample proportional rate_limit
    item_of randomness_of input_probability_of input_fraction_of rare_floor neyman_allocation
    ht_total ht_variance ht_interval effective_sample_size coverage good_turing_coverage chao_jost_coverage`),
);

/** Those of them that never ask for a hash of its own by a negative probability. */
export const neverSplitting: ReadonlySet<string> = new Set(
  words(`proportional rate_limit item_of randomness_of input_probability_of input_fraction_of neyman_allocation
    ht_total ht_variance ht_interval effective_sample_size coverage good_turing_coverage chao_jost_coverage`),
);

/** Functions that are allowed where an argument is a constant no greater than `max`: it is the size of the result. */
export const boundedFunctions: ReadonlyMap<string, { readonly argument: number; readonly max: number }> = new Map([
  ['lpad', { argument: 1, max: 1_000 }],
  ['rpad', { argument: 1, max: 1_000 }],
]);

/** Functions that make rows or lists of numbers: all arguments must be whole constants, at most this many values. */
export const rangeFunctions: ReadonlySet<string> = new Set(['range', 'generate_series']);
export const rangeValuesMax = 10_000;

/** Table functions: unnest of a list, and ranges. */
export const tableFunctions: ReadonlySet<string> = new Set(['unnest', ...rangeFunctions]);

/** Names that SQL reads as functions though they look like columns. */
export const valueFunctions: ReadonlySet<string> = new Set(
  words(`current_catalog current_date current_schema current_role current_time current_timestamp current_user localtime localtimestamp
    session_user user`),
);

/** Aggregates that hold every value: over a window frame each row would have a copy of all rows before it. */
export const collectingFunctions: ReadonlySet<string> = new Set(words('array_agg list string_agg group_concat listagg histogram approx_top_k'));
