-- The first tables. Rules for every line here (they hold on a DuckDB file and on DuckLake alike): no keys,
-- indexes, sequences, enums or HUGEINT; ids are made by the writer; times are TIMESTAMP in UTC; money is
-- DECIMAL; a column is only ever added, nullable. Uniqueness is the committer's duty, not the table's.

-- Small facts: the schema version, the price book's version.
create table meta (
    key varchar,
    value varchar
);

create table spans (
    day date,                         -- of started_at, UTC: every query prunes by it
    project varchar,                  -- the wall: stamped by the receiver, never changed
    trace_id uuid,
    span_id ubigint,
    parent_span_id ubigint,
    started_at timestamp,
    duration_ns bigint,
    received_at timestamp,
    batch_id varchar,
    content_hash ubigint,             -- of the span as sent: the last word between two bodies of one id
    span_name varchar,
    span_kind varchar,
    scope_name varchar,
    scope_version varchar,
    service_name varchar,
    environment varchar,
    status varchar,                   -- ok | error
    attributes json,                  -- without message content
    resource json,
    events json,                      -- names, times and exception types only
    links json,
    dropped_attributes_count bigint,
    role varchar,                     -- call | duplicate | wrapper | carrier | context
    duplicate_of ubigint,
    request_id varchar,               -- the logical request that attempts share
    dims map(varchar, varchar),
    -- from here on NULL unless role = 'call'
    tenant_id varchar,
    ttft_ns bigint,
    operation varchar,
    provider varchar,
    host_provider varchar,
    region varchar,
    model_requested varchar,
    model_answered varchar,
    service_tier varchar,
    input_tokens bigint,              -- total: cached and written included
    cached_input_tokens bigint,
    cache_write_tokens bigint,        -- all written; the 1 h part is the next column
    cache_write_1h_tokens bigint,
    output_tokens bigint,             -- total: reasoning included
    reasoning_tokens bigint,
    audio_input_tokens bigint,
    audio_output_tokens bigint,
    usage_source varchar,             -- reported | reconstructed | none
    usage_semantics varchar,          -- inclusive | exclusive: what the emitter's input count meant
    stream boolean,
    error_class varchar,
    error_type varchar,
    http_status bigint,
    finish_reason varchar,
    safety_decision varchar,
    attempt bigint,
    cache_hit boolean,
    session_id varchar,
    user_id varchar,
    feature varchar,
    prompt_name varchar,
    prompt_version varchar,
    agent_name varchar,
    response_id varchar,
    response_hash varchar,
    emitter varchar,
    run_id varchar,
    case_id varchar,
    tool_calls bigint,
    sampling_rate double,
    cost_status varchar,
    cost_estimated boolean,
    list_cost_usd decimal(18, 12),
    effective_cost_usd decimal(18, 12),
    reported_cost_usd decimal(18, 12),
    saved_cost_usd decimal(18, 12),
    rate_card varchar
);

-- Append-only: what a call cost, by pricing run. The highest `seq` of a span is official and is carried on the
-- span; `supersedes` is the `seq` it replaces. A replaced charge whose successor has no known cost is followed
-- by a row with NULL amounts.
create table charges (
    project varchar,
    day date,
    trace_id uuid,
    span_id ubigint,
    seq bigint,
    supersedes bigint,
    pricing_run varchar,
    rate_card varchar,
    cost_status varchar,
    cost_estimated boolean,
    uncached_input_usd decimal(18, 12),
    cached_input_usd decimal(18, 12),
    cache_write_usd decimal(18, 12),
    cache_write_1h_usd decimal(18, 12),
    output_usd decimal(18, 12),
    reasoning_usd decimal(18, 12),
    audio_input_usd decimal(18, 12),
    audio_output_usd decimal(18, 12),
    request_usd decimal(18, 12),
    list_cost_usd decimal(18, 12),
    effective_cost_usd decimal(18, 12),
    saved_cost_usd decimal(18, 12),
    currency varchar,
    recorded_at timestamp
);

-- What was refused or could not be read: what, where from, why. Never the body.
create table rejects (
    reject_id varchar,
    project varchar,
    signal varchar,
    reason varchar,
    n_items bigint,
    batch_id varchar,
    received_at timestamp
);

-- One row per committed spool segment, written in the commit that stores its rows: exactly once.
create table batches (
    batch_id varchar,
    committed_at timestamp,
    n_spans bigint,
    n_calls bigint,
    n_duplicates bigint,
    n_records bigint
);

-- The price book: dated cards and their unit rates. Rows are added, never updated in place.
create table rate_cards (
    rate_card varchar,         -- model key, variant and first day: 'openai/gpt-4o@1970-01-01', 'openai/gpt-5+flex@2026-10-12'
    model_key varchar,         -- what Book.resolve_call answers: 'openai/gpt-4o', resold 'azure/openai/gpt-4o'
    provider varchar,          -- who bills: the book's name ('openai', 'azure', 'google', ...)
    model varchar,             -- the book's model name, without the provider
    variant varchar,           -- 'standard', or the service tier that has its own prices: batch, flex, priority, fast
    currency varchar,          -- of the rates; 'USD' for every compiled book
    valid_from timestamp,      -- UTC, inclusive; 1970-01-01 when the source does not date the price
    valid_to timestamp,        -- UTC, exclusive; NULL = still valid
    estimated_because varchar, -- NULL, or why a cost from this card is an estimate
    source varchar,            -- the vendor's pricing page
    source_version varchar,    -- what it was compiled from: 'genai-prices 0.2.3'
    checked_on date,
    recorded_at timestamp,     -- UTC, when the row was stored
    recorded_by varchar
);

create table rates (
    rate_card varchar,
    unit varchar,              -- uncached_input, cached_input, cache_write, cache_write_1h, output, reasoning, audio_input,
                               -- audio_output: tokens; request: calls
    tier_from_tokens bigint,   -- 0 = base; otherwise replaces it when the call's total input exceeds this many tokens
    usd_per_million decimal(18, 6)  -- USD per million of the unit (requests too)
);

-- Records (store/records.py): one row per record, identified by the client's own key.
create table runs (
    project varchar,
    received_at timestamp,
    run_id varchar,
    suite varchar,
    suite_hash varchar,
    claim varchar,
    status varchar,
    prompt_name varchar,
    candidate_version varchar,
    baseline_version varchar,
    baseline_run_id varchar,
    golden_set varchar,
    golden_set_hash varchar,
    scorers_hash varchar,
    provider varchar,
    model varchar,
    n_cases bigint,
    n_missing bigint,
    started_at timestamp,
    finished_at timestamp,
    commit_sha varchar,
    steelyard_version varchar
);

create table results (
    project varchar,
    received_at timestamp,
    result_id varchar,
    run_id varchar,
    variant varchar,
    case_id varchar,
    case_hash varchar,
    cluster_id varchar,
    repeat bigint,
    metric varchar,
    score double,
    status varchar,
    detail varchar,
    error_class varchar,
    attempts bigint,
    output_hash varchar,
    duration_ns bigint,
    input_tokens bigint,
    output_tokens bigint,
    trace_id varchar,
    span_id varchar,
    started_at timestamp
);

create table verdicts (
    project varchar,
    received_at timestamp,
    verdict_id varchar,
    run_id varchar,
    baseline_run_id varchar,
    suite varchar,
    prompt_name varchar,
    candidate_version varchar,
    baseline_version varchar,
    verdict varchar,
    reason varchar,
    metric varchar,
    margin double,
    floor double,
    n_cases bigint,
    n_missing bigint,
    baseline_mean double,
    candidate_mean double,
    difference double,
    interval_low double,
    interval_high double,
    confidence double,
    method varchar,
    n_better bigint,
    n_worse bigint,
    checks json,
    decided_at timestamp
);

create table prompt_versions (
    project varchar,
    received_at timestamp,
    prompt_version_id varchar,
    prompt_name varchar,
    version varchar,
    path varchar,
    recorded_at timestamp
);

create table golden_sets (
    project varchar,
    received_at timestamp,
    golden_set_id varchar,
    golden_set varchar,
    golden_set_hash varchar,
    n_cases bigint,
    recorded_at timestamp
);

create table erasures (
    project varchar,
    received_at timestamp,
    erasure_id varchar,
    scope varchar,
    requested_at timestamp
);
