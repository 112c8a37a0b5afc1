-- purpose: Spans of this commit that are stored already, and which of the two bodies stays.
-- input: `fresh`; $from and $until bound the stored spans that can match, so that zone maps skip the rest
-- (5k ids against 10M rows: 2 ms bounded, 36 ms unbounded). Spans with wild clocks are given bounds of their own.
-- output: appends to `rivals`.
insert into rivals
select
    stored.day,
    stored.project,
    stored.trace_id,
    stored.span_id,
    (
        coalesce(fresh.input_tokens, 0) + coalesce(fresh.output_tokens, 0),
        fresh.started_at + to_microseconds(coalesce(fresh.duration_ns, 0) // 1000),
        fresh.content_hash
    ) > (
        coalesce(stored.input_tokens, 0) + coalesce(stored.output_tokens, 0),
        stored.started_at + to_microseconds(coalesce(stored.duration_ns, 0) // 1000),
        stored.content_hash
    ) as fresh_stays
from fresh
join spans as stored
    on stored.project = fresh.project
    and stored.trace_id = fresh.trace_id
    and stored.span_id = fresh.span_id
where fresh.started_at between $from and $until
    and stored.started_at between $from and $until
