-- purpose: Spans of this commit that are stored already, and which of the two bodies stays: the one with more usage,
-- then the later end, then the larger hash of what it says: the same whatever came first.
-- input: `settled` without the rows in `dropped`; $from and $until bound the stored spans that can match, so that zone
-- maps skip the rest (5k ids against 10M rows: 2 ms bounded, 36 ms unbounded). Wild clocks are given bounds of their own.
-- output: appends to `rivals`.
insert into rivals
select
    fresh.row,
    stored.day,
    stored.project,
    stored.trace_id,
    stored.span_id,
    (
        coalesce(fresh.input_tokens, 0) + coalesce(fresh.output_tokens, 0),
        fresh.started_at + to_microseconds(coalesce(fresh.duration_ns, 0) // 1000),
        says(fresh.span_name, fresh.duration_ns, fresh.status, fresh.attributes, fresh.events)
    ) > (
        coalesce(stored.input_tokens, 0) + coalesce(stored.output_tokens, 0),
        stored.started_at + to_microseconds(coalesce(stored.duration_ns, 0) // 1000),
        says(stored.span_name, stored.duration_ns, stored.status, stored.attributes, stored.events)
    ) as fresh_stays
from settled as fresh
join spans as stored
    on stored.project = fresh.project
    and stored.trace_id = fresh.trace_id
    and stored.span_id = fresh.span_id
where fresh.started_at between $from and $until
    and stored.started_at between $from and $until
    and fresh.row not in (select row from dropped)
