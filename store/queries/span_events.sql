-- purpose: The events of one span, in their order: names, times and exception types.
-- param trace_id text: its trace, 32 hex digits
-- param span_id text: the span, 16 hex digits
-- column place count: 1 = the first
-- column name text: its name
-- column occurred_at utc: when
-- column offset_ns ns: since the span started
-- column exception_type text: of an exception
with one as (
    select started_at, events
    from spans
    where project = $scope
        and trace_id = try_cast($trace_id as uuid)
        and printf('%016x', span_id) = lower($span_id)
    limit 1
),

numbered as (
    select
        started_at,
        unnest(range(cast(coalesce(json_array_length(events), 0) as bigint))) as number,
        events
    from one
),

read as (
    select
        number + 1 as place,
        started_at,
        json_extract_string(events, '/' || cast(number as varchar) || '/name') as name,
        try_cast(json_extract_string(events, '/' || cast(number as varchar) || '/time_unix_nano') as bigint) as time_unix_nano,
        json_extract_string(events, '/' || cast(number as varchar) || '/exception.type') as exception_type
    from numbered
)

select
    place,
    name,
    make_timestamp(nullif(time_unix_nano, 0) // 1000) as occurred_at,
    nullif(time_unix_nano, 0) - epoch_us(started_at) * 1000 as offset_ns,
    exception_type
from read
order by place
