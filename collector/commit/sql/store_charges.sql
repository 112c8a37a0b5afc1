-- purpose: Append the charges of this commit: one for each call with a known cost, and one for each call whose
-- earlier charge no longer stands because a fuller body of the span replaced it.
-- input: `charged`; `priceable`, for the day and the order; `replaced_ids`.
insert into charges by name
with replaced as (
    select charges.project, charges.trace_id, charges.span_id, max(charges.seq) as seq
    from charges
    join replaced_ids
        on charges.day = replaced_ids.stored_day
        and charges.project = replaced_ids.project
        and charges.trace_id = replaced_ids.trace_id
        and charges.span_id = replaced_ids.span_id
    group by charges.project, charges.trace_id, charges.span_id
)
select
    charged.*,
    priceable.day,
    'USD' as currency,
    'ingest' as pricing_run,
    coalesce(replaced.seq, 0) + 1 as seq,
    replaced.seq as supersedes,
    $now as recorded_at
from charged
join priceable using (project, trace_id, span_id)
left join replaced using (project, trace_id, span_id)
where charged.list_cost_usd is not null or replaced.seq is not null
-- In order of arrival, as joins leave them in none: the calls of a trace side by side are a third of the size.
order by priceable.row
