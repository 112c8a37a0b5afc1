-- The first tables. Rules for every line here (they hold on a DuckDB file and on DuckLake alike): no keys,
-- indexes, sequences, enums or HUGEINT; ids are made by the writer; times are TIMESTAMP in UTC; money is
-- DECIMAL; a column is only ever added, nullable. Uniqueness is the committer's duty, not the table's.

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
