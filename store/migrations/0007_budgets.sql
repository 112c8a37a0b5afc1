-- What a month may cost: dated records. In force in a month is, of each budget, the record that began last; of two that began
-- in the same month the later one.
create table budgets (
    project varchar,
    received_at timestamp,
    budget_key varchar,
    dimension varchar,           -- a name that the query `dimensions` lists; NULL = the whole project
    dimension_value varchar,     -- whose budget it is; empty = calls that have none
    valid_from date,             -- the first day of the first UTC month it holds for
    status varchar,              -- set | removed (there is none from that month on)
    monthly_usd decimal(18, 2),  -- of cost as we pay it (effective)
    soft_share decimal(9, 6),    -- of the amount: spent so much, it is worth a look ...
    hard_share decimal(9, 6),    -- ... and so much, it is exceeded
    note varchar,
    recorded_at timestamp,
    recorded_by varchar
);
