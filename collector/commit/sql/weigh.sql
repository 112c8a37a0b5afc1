-- purpose: Of a span that is stored already, which of the two bodies stays: by the rule of repeated.sql.
-- input: `incoming`, only the spans that are stored already, each with the stored one's `stored_day`.
-- output: the number of the row, and whether it takes the place of all that is stored of it: more than one body is,
-- when they told of times too far apart to be recognised.
select
    fresh.row,
    bool_and((
        -- What is no call has no usage in the store. As numbers that cannot overflow: counters can be broken.
        case when fresh.is_call then coalesce(fresh.input_tokens, 0)::double + coalesce(fresh.output_tokens, 0) else 0 end,
        fresh.started_at + to_microseconds(coalesce(fresh.duration_ns, 0) // 1000),
        says(fresh.span_name, fresh.duration_ns, fresh.failed, fresh.attributes, fresh.events)
    ) > (
        coalesce(stored.input_tokens, 0)::double + coalesce(stored.output_tokens, 0),
        stored.started_at + to_microseconds(coalesce(stored.duration_ns, 0) // 1000),
        says(stored.span_name, stored.duration_ns, stored.status = 'error', stored.attributes, stored.events)
    )) as fresh_stays
from incoming as fresh
join spans as stored
    on stored.day = fresh.stored_day
    and stored.project = fresh.project
    and stored.trace_id = fresh.trace_id
    and stored.span_id = fresh.span_id
group by fresh.row
