-- purpose: Store the captured message bodies of this commit, each once however often its span is sent.
-- input: `incoming_contents` (CONTENTS_SCHEMA); $first and $last day bound the stored ones that can match.
insert into contents by name
select distinct *
from incoming_contents as fresh
where not exists (
    select 1
    from contents as stored
    where stored.day between $first and $last
        and stored.project = fresh.project
        and stored.trace_id is not distinct from fresh.trace_id
        and stored.span_id is not distinct from fresh.span_id
        and stored.source = fresh.source
        and stored.key = fresh.key
        and stored.occurred_at = fresh.occurred_at
        and stored.body = fresh.body
)
