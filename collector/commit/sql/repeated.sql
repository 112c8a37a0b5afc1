-- purpose: Spans that came more than once in this commit; one body of each stays, by the rule of rivals.sql.
-- input: `settled`. Few ids repeat, so only those are compared.
-- output: appends the numbers of the other rows to `dropped`.
insert into dropped
with repeated as (
    select project, trace_id, span_id
    from incoming
    group by project, trace_id, span_id
    having count(*) > 1
)
select row
from settled
join repeated using (project, trace_id, span_id)
qualify row_number() over (
    partition by project, trace_id, span_id
    order by
        coalesce(input_tokens, 0) + coalesce(output_tokens, 0) desc,
        started_at + to_microseconds(coalesce(duration_ns, 0) // 1000) desc,
        says(span_name, duration_ns, status, attributes, events) desc,
        row
) > 1
