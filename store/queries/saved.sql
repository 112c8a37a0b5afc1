-- purpose: What people keep of the pages under a name: views (a page with its filters) and queries (a SELECT with its figure).
-- param kind text optional: only this kind, view or query
-- column kind text: view or query
-- column name text: under which it is kept; one of a kind
-- column page text: of a view: the path of its page
-- column address json: of a view: what its address says besides, key -> value
-- column statement text: of a query: one SELECT
-- column chart json: of a query: its figure, as {"kind": "bar", "x": "day", "y": "cost_usd"}; NULL = a table
-- column received_at time: when it was saved
-- column recorded_by text: by whom
with newest as (
    select *
    from saved
    where project = $scope
        and ($kind is null or kind = $kind)
    qualify row_number() over (partition by kind, name order by received_at desc, saved_key desc) = 1
)

select
    kind,
    name,
    page,
    cast(address as varchar) as address,
    statement,
    cast(chart as varchar) as chart,
    received_at,
    recorded_by
from newest
where status = 'set'
order by kind, lower(name), name
