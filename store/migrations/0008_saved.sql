-- What people keep of the pages under a name: a page with its filters, or a SELECT with its figure. In force is the record that
-- came last of its kind and name; nothing is changed in place.
create table saved (
    project varchar,
    received_at timestamp,
    saved_key varchar,
    kind varchar,                -- view | query
    name varchar,
    status varchar,              -- set | removed
    page varchar,                -- of a view: the path of its page
    address json,                -- of a view: what its address says besides, key -> value
    statement varchar,           -- of a query: one SELECT
    chart json,                  -- of a query: {"kind": "bar", "x": "day", "y": "cost_usd"}; NULL = a table
    recorded_at timestamp,
    recorded_by varchar
);
