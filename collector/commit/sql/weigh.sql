-- purpose: Of a span that is stored already, which of the two bodies stays: by the rule of repeated.sql.
-- input: `incoming`, only the spans that are stored already, each with the stored one's `stored_day`.
-- output: the number of the row, and whether it takes the place of all that is stored of it: more than one body is,
-- when they told of times too far apart to be recognised.
with said as (
    select
        fresh.row,
        fresh.span_name,
        stored.span_name as stored_name,
        -- What other spans added to a stored one is not its own.
        case when json_exists(stored.as_sent, '$.input_tokens') then try_cast(stored.as_sent ->> '$.input_tokens' as bigint)
            else stored.input_tokens end as stored_input,
        case when json_exists(stored.as_sent, '$.output_tokens') then try_cast(stored.as_sent ->> '$.output_tokens' as bigint)
            else stored.output_tokens end as stored_output,
        case when json_exists(stored.as_sent, '$.duration_ns') then try_cast(stored.as_sent ->> '$.duration_ns' as bigint)
            else stored.duration_ns end as stored_duration_ns,
        -- As numbers that cannot overflow: counters can be broken.
        coalesce(fresh.input_tokens, 0)::double + coalesce(fresh.output_tokens, 0) as usage,
        fresh.started_at + to_microseconds(coalesce(fresh.duration_ns, 0) // 1000) as ended_at,
        says(fresh.span_name, fresh.duration_ns, fresh.failed, fresh.attributes, fresh.events) as said,
        stored.started_at as stored_started_at,
        stored.status = 'error' as stored_failed,
        stored.attributes as stored_attributes,
        stored.events as stored_events
    from incoming as fresh
    join spans as stored
        on stored.day = fresh.stored_day
        and stored.project = fresh.project
        and stored.trace_id = fresh.trace_id
        and stored.span_id = fresh.span_id
)
select
    row,
    bool_and((usage, ended_at, said) > (
        coalesce(stored_input, 0)::double + coalesce(stored_output, 0),
        stored_started_at + to_microseconds(coalesce(stored_duration_ns, 0) // 1000),
        says(stored_name, stored_duration_ns, stored_failed, stored_attributes, stored_events)
    )) as fresh_stays
from said
group by row
