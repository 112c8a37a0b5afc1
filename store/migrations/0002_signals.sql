-- Logs, metrics, scores and captured content; what a span said beside its attributes.

alter table spans add column status_message varchar;  -- without secrets; NULL when it may quote a prompt
alter table spans add column trace_state varchar;
alter table spans add column scope_attributes json;

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
    body varchar,              -- redacted
    n_redactions bigint,
    n_cut_characters bigint    -- characters beyond the limit of one body, not stored
);

-- Log records, without bodies. GenAI events that describe a call are settled into `spans` as well.
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
    attributes json,           -- without content
    resource json
);

-- Metric points, only for what has no span: never added to the tokens of spans.
create table metric_points (
    project varchar,
    day date,
    point_hash ubigint,        -- of series and time: a redelivered point has the same hash
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
    buckets json,              -- bounds and counts as sent
    attributes json,
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
