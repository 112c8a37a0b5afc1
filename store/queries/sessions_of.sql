-- purpose: The conversations that a trace is part of: none, one as a rule.
-- param trace_id text: the trace, in hex
-- column session_id text: the conversation
-- column n_calls calls: of the trace in it
-- column first_at utc: the first of them
select
    session_id,
    cast(count(*) as bigint) as n_calls,
    min(started_at) as first_at
from spans
where project = $scope
    and trace_id = case when regexp_full_match($trace_id, '[0-9a-fA-F-]{32,36}') then try_cast($trace_id as uuid) end
    and role = 'call'
    and session_id is not null
group by session_id
order by n_calls desc, session_id
