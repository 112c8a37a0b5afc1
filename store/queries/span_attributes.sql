-- purpose: What one span and its resource say, one attribute a row, and what they are linked to; content is elsewhere (`span_contents`).
-- param trace_id text: its trace, 32 hex digits
-- param span_id text: the span, 16 hex digits
-- column place text: span, resource or link (links have a row each, with all of it as their value)
-- column key text: the attribute; of a link its number
-- column value text: as text; lists and maps as JSON
-- column kind text: string, integer, double, boolean, list, map or null
with one as (
    select *
    from spans
    where project = $scope
        and trace_id = try_cast($trace_id as uuid)
        and printf('%016x', span_id) = lower($span_id)
    limit 1
),

said as (
    select
        unnest(['span', 'resource']) as place,
        unnest([coalesce(attributes, cast('{}' as json)), coalesce(resource, cast('{}' as json))]) as document
    from one
),

keyed as (
    select
        place,
        unnest(json_keys(document)) as key,
        unnest(json_extract(document, '$.*')) as value
    from said
),

rows_of_it as (
    select place, key, value from keyed
    union all
    select 'link', cast(number as varchar), json_extract(links, '/' || cast(number as varchar))
    from (
        select links, unnest(range(cast(coalesce(json_array_length(links), 0) as bigint))) as number
        from one
    )
)

select
    place,
    key,
    -- Some values are stored once, in a column (store/views/calls_searched.sql).
    case json_extract_string(value, '$')
        when '(in response_id)' then (select response_id from one)
        when '(in session_id)' then (select session_id from one)
        when '(in user_id)' then (select user_id from one)
        when '(in tenant_id)' then (select tenant_id from one)
        else json_extract_string(value, '$')
    end as value,
    case json_type(value)
        when 'VARCHAR' then 'string'
        when 'UBIGINT' then 'integer'
        when 'BIGINT' then 'integer'
        when 'HUGEINT' then 'integer'
        when 'ARRAY' then 'list'
        when 'OBJECT' then 'map'
        else lower(json_type(value))
    end as kind
from rows_of_it
order by case place when 'span' then 1 when 'resource' then 2 else 3 end, key
