-- Closed hours of calls, aggregated once (store/rollups.py, docs/rollups.md). They hold for every hour that `open_hours` does not
-- name: whatever stores, changes or removes a call puts its hour there, in the same transaction, and from then on the hour is read
-- from the calls.

-- One row per hour, environment, model, provider, emitter and value of one more dimension; under the dimension '' one for all calls together.
create table rollup_hours (
    project varchar,
    day date,
    hour_at timestamp,           -- its start, UTC
    environment varchar,
    model varchar,               -- the model that answered, else the one asked for
    provider varchar,
    emitter varchar,
    dimension varchar,           -- '' = all calls; else as store/dimensions.py names them, or a key of `dims`
    value varchar,               -- NULL = calls that have none
    n_calls bigint,
    n_errors bigint,
    n_priced bigint,
    n_unpriced bigint,
    n_no_usage bigint,
    n_cache_hits bigint,
    n_estimated bigint,
    n_sampled bigint,
    n_reported bigint,
    n_customer_billed bigint,
    n_attributed bigint,
    input_tokens bigint,
    cached_input_tokens bigint,
    output_tokens bigint,
    tokens bigint,
    priced_tokens bigint,
    cost_usd decimal(38, 12),
    saved_usd decimal(38, 12),
    list_cost_usd decimal(38, 12),
    reported_cost_usd decimal(38, 12),
    customer_billed_usd decimal(38, 12),
    unsent decimal(38, 6),       -- calls that sampled ones stand for, beyond themselves
    unsent_usd decimal(38, 18),  -- and what those cost
    first_started_at timestamp,
    last_started_at timestamp
);

-- How calls ended: one row per hour, environment, model, provider and class of error.
create table rollup_outcomes (
    project varchar,
    day date,
    hour_at timestamp,
    environment varchar,
    model varchar,
    provider varchar,
    error_class varchar,         -- NULL = succeeded
    n_calls bigint,
    n_retries bigint,
    n_cache_hits bigint,
    n_truncated bigint,
    n_content_filter bigint,
    n_streamed bigint,
    n_sampled bigint,
    n_priced bigint,
    n_priced_ok bigint,
    timed_tokens bigint,         -- output tokens of calls that succeeded, cache hits excluded ...
    timed_ns bigint,             -- and the time they took
    stream_tokens bigint,        -- the same after the first token
    stream_ns bigint,
    input_tokens bigint,
    cached_input_tokens bigint,
    output_tokens bigint,
    cost_usd decimal(38, 12),
    saved_usd decimal(38, 12)
);

-- Latencies of calls that succeeded, cache hits excluded: how many fell into each bucket (views/latency_bucket.sql).
create table rollup_latencies (
    project varchar,
    day date,
    hour_at timestamp,
    environment varchar,
    model varchar,
    provider varchar,
    measure varchar,             -- duration, or ttft: the time to the first token
    step bigint,
    n_calls bigint
);

-- The hours with calls that are read from the calls.
create table open_hours (
    project varchar,
    day date,
    hour_at timestamp
);

insert into open_hours by name
select distinct project, day, date_trunc('hour', started_at) as hour_at
from spans
where role = 'call';

-- What the hours of a project are aggregated by ('' = all calls): a query by any other dimension reads the calls.
create table rolled_dimensions (
    project varchar,
    dimension varchar,
    is_wide boolean              -- it has so many values that aggregating saves nothing: it is not in the tables above
);
