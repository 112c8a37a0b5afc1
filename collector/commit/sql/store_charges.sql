-- purpose: Append the charges of this commit: one for each call with a known cost; one for each call whose earlier charge
-- no longer stands, because a fuller body of the span or other spans of the call changed what is priced; and a void where
-- what was charged turned out to be no call of its own.
-- input: `charged`; `priceable`, for the day and the order; `recharged`, the stored spans that may have been charged before
-- (stored_day, and `is_void` where nothing is charged any more).
insert into charges by name
with earlier as (
    select
        charges.project,
        charges.trace_id,
        charges.span_id,
        max(charges.seq) as seq,
        arg_max(charges.cost_status, charges.seq) = 'void' as is_void
    from charges
    join recharged
        on charges.day = recharged.stored_day
        and charges.project = recharged.project
        and charges.trace_id = recharged.trace_id
        and charges.span_id = recharged.span_id
    group by charges.project, charges.trace_id, charges.span_id
),
now_charged as (
    select
        charged.*,
        priceable.day,
        coalesce(earlier.seq, 0) + 1 as seq,
        earlier.seq as supersedes,
        priceable.row as at_row
    from charged
    join priceable using (project, trace_id, span_id)
    left join earlier using (project, trace_id, span_id)
    where charged.list_cost_usd is not null or earlier.seq is not null
),
void as (
    select
        earlier.project,
        earlier.trace_id,
        earlier.span_id,
        recharged.stored_day as day,
        'void' as cost_status,
        'USD' as currency,
        earlier.seq + 1 as seq,
        earlier.seq as supersedes
    from earlier
    join recharged using (project, trace_id, span_id)
    where recharged.is_void and not earlier.is_void
)
select * exclude (at_row), 'ingest' as pricing_run, $now as recorded_at
from (select * from now_charged union all by name select *, null as at_row from void)
-- In order of arrival, as joins leave them in none: the calls of a trace side by side are a third of the size.
order by at_row
