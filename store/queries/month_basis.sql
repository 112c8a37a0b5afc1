-- purpose: What the amounts of one UTC month rest on that sums of its hours do not tell, as one row: users, successes with a known cost, price books.
-- param month date: first day of the month
-- param tenant_id text optional: only this tenant; empty text = calls without a tenant
-- param model text optional: only this model; empty text = calls that name none
-- param environment text optional: only this environment; empty text = calls that name none
-- param prompt_name text optional: only this prompt; empty text = calls without one
-- param dimension text optional: only calls with `dimension_value` in this dimension (the query `dimensions` lists them)
-- param dimension_value text optional: its value; empty or not given = calls that have none
-- column n_calls calls: model calls, failed ones included
-- column n_ok_priced calls: of these, succeeded and with a known cost
-- column n_users count: users named by calls with a known cost
-- column cost_of_users_usd usd: sum of the known costs of calls that name a user (effective); NULL when none does
-- column price_books text: versions of the price book, or own prices, that the calls were charged with, most calls first; NULL = none was
with chosen as not materialized (
    select *
    from calls_within(
        $scope, cast($month as date), cast($month as date) + interval 1 month,
        $tenant_id, $model, $environment, $prompt_name, $dimension, $dimension_value, null, null
    )
),

charged as (
    select rate_card, count(*) as n_calls
    from chosen
    where rate_card is not null
    group by rate_card
),

-- A card of one's own has no version: it is told by its layer (import, override).
cards as (
    select rate_card, any_value(coalesce(source_version, layer)) as source_version, max(checked_on) as checked_on
    from rate_cards
    group by rate_card
),

books as (
    select
        coalesce(cards.source_version, 'unknown') as source_version,
        coalesce(cast(max(cards.checked_on) as varchar), 'on an unknown day') as checked_on,
        sum(charged.n_calls) as n_calls
    from charged
    left join cards on cards.rate_card = charged.rate_card
    group by 1
)

select
    cast(count(*) as bigint) as n_calls,
    cast(count(*) filter (status = 'ok' and effective_cost_usd is not null) as bigint) as n_ok_priced,
    cast(count(distinct user_id) filter (effective_cost_usd is not null) as bigint) as n_users,
    cast(sum(effective_cost_usd) filter (user_id is not null) as decimal(38, 12)) as cost_of_users_usd,
    (
        select string_agg(source_version || ' (checked ' || checked_on || ')', ', ' order by n_calls desc, source_version)
        from books
    ) as price_books
from chosen
