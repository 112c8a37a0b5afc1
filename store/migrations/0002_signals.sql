-- Logs, metrics, scores and captured content. And `spans` again, because a column's compression is given when its
-- table is made: JSON takes 60 bytes a span instead of 233 (23 attributes), which halves the store. The backend says what
-- /*text-compressed*/ means to it. `content_hash` went with it: of two bodies of one span it is worked out when they meet.

create table spans_again (
    day date,                         -- of started_at, UTC: every query prunes by it
    project varchar,                  -- the wall: stamped by the receiver, never changed
    trace_id uuid,
    span_id ubigint,
    parent_span_id ubigint,
    started_at timestamp,
    duration_ns bigint,
    received_at timestamp,
    batch_id varchar,
    span_name varchar,
    span_kind varchar,
    scope_name varchar,
    scope_version varchar,
    service_name varchar,
    environment varchar,
    status varchar,                   -- ok | error
    attributes json /*text-compressed*/,                  -- without message content
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
insert into spans_again by name select * exclude (content_hash) from spans;
drop table spans;
alter table spans_again rename to spans;

-- Captured message bodies, only of projects that capture is on for: redacted, with a retention of their own.
create table contents (
    project varchar,
    day date,                  -- of the span or log record, UTC
    trace_id uuid,
    span_id ubigint,
    occurred_at timestamp,
    received_at timestamp,
    batch_id varchar,
    source varchar,            -- span | event | log | status
    key varchar,               -- the attribute it came in: 'gen_ai.input.messages', 'exception.message', 'body'
    body varchar /*text-compressed*/,              -- redacted
    n_redactions bigint,
    n_cut_characters bigint    -- characters beyond the limit of one body, not stored
);

-- Log records, without bodies. Events that report a coding agent's request are calls in `spans` as well.
create table log_records (
    project varchar,
    day date,
    record_hash ubigint,       -- of the record as sent: log records carry no id, a redelivered one has the same hash
    occurred_at timestamp,              -- when it happened, else when it was observed, else when it was received; UTC
    received_at timestamp,
    batch_id varchar,
    trace_id uuid,
    span_id ubigint,
    event_name varchar,
    severity varchar,
    scope_name varchar,
    scope_version varchar,
    service_name varchar,
    environment varchar,
    tenant_id varchar,
    user_id varchar,
    session_id varchar,
    attributes json /*text-compressed*/,           -- without content
    resource json
);

-- Metric points, only for what has no span: never added to the tokens of spans.
create table metric_points (
    project varchar,
    day date,
    point_hash ubigint,        -- of series and time: a redelivered point has the same hash
    series_hash ubigint,       -- of everything that tells one series from another
    occurred_at timestamp,
    started_at timestamp,
    received_at timestamp,
    batch_id varchar,
    metric_name varchar,
    unit varchar,
    kind varchar,              -- gauge | sum | histogram | exponential_histogram | summary
    temporality varchar,       -- delta | cumulative; NULL for gauges and summaries
    is_monotonic boolean,
    value double,              -- gauges and sums
    count bigint,              -- histograms and summaries
    sum double,
    min double,
    max double,
    buckets json /*text-compressed*/,              -- bounds and counts as sent
    no_recorded_value boolean, -- the sender said that the series has no value at this time
    attributes json /*text-compressed*/,
    scope_name varchar,
    scope_version varchar,
    service_name varchar,
    environment varchar,
    tenant_id varchar,
    resource json
);

-- Evaluation results and feedback, joined to a call by span or by response id.
create table scores (
    project varchar,
    day date,
    score_id varchar,          -- the sender's, or a hash of what it says
    occurred_at timestamp,
    received_at timestamp,
    batch_id varchar,
    trace_id uuid,
    span_id ubigint,
    response_id varchar,
    name varchar,
    value double,
    label varchar,
    error_type varchar,
    source varchar,            -- otlp | eval | person
    evaluator varchar,
    run_id varchar,
    case_id varchar
);

-- What a committed segment added beside spans and records.
alter table batches add column n_log_records bigint;
alter table batches add column n_metric_points bigint;
alter table batches add column n_scores bigint;
