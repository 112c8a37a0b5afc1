-- purpose: Spans of this commit that are stored already. Only ids, for nearly every commit has none.
-- input: `incoming_ids`; $from and $until bound the stored spans that can match, so that zone maps skip the rest
-- (5k ids against 10M rows: 2 ms bounded, 36 ms unbounded). Wild clocks are given bounds of their own.
-- output: the number of the row, and the day of the stored span.
select fresh.row, stored.day
from incoming_ids as fresh
join spans as stored
    on stored.project = fresh.project
    and stored.trace_id = fresh.trace_id
    and stored.span_id = fresh.span_id
where fresh.started_at between $from and $until
    and stored.started_at between $from and $until
