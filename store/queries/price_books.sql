-- purpose: Which versions of the price book, or prices of your own, the calls of one window were charged with.
-- param since time: from this moment on
-- param until time: up to, not including, this moment
-- column source_version text: the compiled price book, or where the card came from; NULL = the card is not in the store
-- column checked_on date: the last day a price in it was checked
-- column n_rate_cards cards: that were used
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

-- A card of one's own has no version: it is told by its layer (import, override).
cards as (
    select rate_card, any_value(coalesce(source_version, layer)) as source_version, max(checked_on) as checked_on
    from rate_cards
    group by rate_card
)

select
    cards.source_version,
    max(cards.checked_on) as checked_on,
    cast(count(distinct charged.rate_card) as bigint) as n_rate_cards,
    cast(sum(charged.n_calls) as bigint) as n_calls,
    cast(sum(charged.cost_usd) as decimal(38, 12)) as cost_usd
from charged
left join cards on cards.rate_card = charged.rate_card
group by cards.source_version
order by n_calls desc, source_version
