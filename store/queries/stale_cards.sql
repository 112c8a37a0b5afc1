-- purpose: Rate cards that calls were charged with, although nobody has looked whether they still hold for long; costliest first.
-- param since time: of calls from this moment on
-- param until time: up to, not including, this moment
-- param checked_before date: cards that were last checked before this day
-- column rate_card text: the card
-- column model_key text: the model it is of
-- column variant text: standard, batch, …
-- column layer text: snapshot, import or override
-- column source text: where its prices are from
-- column checked_on date: when they were last compared with it; of a card of one's own, when it was recorded
-- column n_calls calls: charged with it
-- column cost_usd usd: what they came to, as we pay them (effective)
with charged as (
    select rate_card, count(*) as n_calls, sum(effective_cost_usd) as cost_usd
    from calls
    where project = $scope
        and started_at >= $since
        and started_at < $until
        and rate_card is not null
    group by rate_card
),

cards as (
    select
        rate_card,
        any_value(model_key) as model_key,
        any_value(variant) as variant,
        any_value(layer) as layer,
        any_value(source) as source,
        max(coalesce(checked_on, cast(recorded_at as date))) as checked_on
    from rate_cards
    group by rate_card
)

select
    cards.rate_card,
    cards.model_key,
    cards.variant,
    cards.layer,
    cards.source,
    cards.checked_on,
    cast(charged.n_calls as bigint) as n_calls,
    cast(charged.cost_usd as decimal(38, 12)) as cost_usd
from charged
join cards on cards.rate_card = charged.rate_card
where cards.checked_on < cast($checked_before as date)
order by cost_usd desc nulls last, cards.rate_card
