-- purpose: Of spans that came more than once in this commit all bodies but one: the one that stays has more usage, then
-- the later end, then the larger hash of what it says. The same whatever came first.
-- input: `incoming`, its rows numbered.
-- output: the numbers of the others.
select row
from incoming
qualify row_number() over (
    partition by project, trace_id, span_id
    order by
        coalesce(input_tokens, 0)::double + coalesce(output_tokens, 0) desc,
        started_at + to_microseconds(coalesce(duration_ns, 0) // 1000) desc,
        says(span_name, duration_ns, failed, attributes, events) desc,
        row
) > 1
