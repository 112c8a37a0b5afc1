-- purpose: One row per metric point of this commit, with its identity.
-- input: `incoming_signal`, decoded points (collector/decode/metrics.py).
-- output: `fresh_signal`. A point is a series at a time: name, unit, kind, every attribute, scope and resource say which
-- series, the point's time and the start of its interval say when. Its value is not part of it: were one point sent
-- with two values, the first would stay.
create or replace temp table fresh_signal as
with of_series as (
    select
        md5_number_lower(concat_ws(
            chr(31), metric_name, coalesce(unit, ''), kind, coalesce(temporality, ''), hex(origin),
            -- Sorted: the order of attributes is nothing that a sender keeps.
            array_to_string(list_sort(series), chr(30))
        )) as series_hash,
        * exclude (series, origin)
    from incoming_signal
),
identified as (
    select
        cast(occurred_at as date) as day,
        md5_number_lower(concat_ws(
            chr(31), series_hash, coalesce(epoch_us(started_at), 0), coalesce(epoch_us(said_at), 0)
        )) as point_hash,
        * exclude (said_at)
    from of_series
)
select *
from identified
qualify row_number() over (partition by project, point_hash order by received_at, batch_id) = 1
