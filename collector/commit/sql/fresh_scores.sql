-- purpose: One row per evaluation result of this commit, with its identity.
-- input: `incoming_signal`, decoded evaluation results (collector/decode/scores.py).
-- output: `fresh_signal`. A score is identified by what it says of what and when, so that one that arrives as a log
-- record and as a span event, or twice as either, is stored once.
create or replace temp table fresh_signal as
with identified as (
    select
        cast(occurred_at as date) as day,
        printf('%016x', md5_number_lower(concat_ws(
            chr(31), coalesce(cast(trace_id as varchar), ''), coalesce(cast(span_id as varchar), ''), coalesce(response_id, ''),
            coalesce(name, ''), coalesce(cast(value as varchar), ''), coalesce(label, ''), coalesce(error_type, ''),
            coalesce(run_id, ''), coalesce(case_id, ''), coalesce(cast(said_at as varchar), '')
        ))) as score_id,
        'otlp' as source,
        * exclude (said_at)
    from incoming_signal
)
select *
from identified
qualify row_number() over (partition by project, score_id order by received_at, batch_id) = 1
