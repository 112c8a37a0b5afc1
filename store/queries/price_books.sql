-- purpose: Which versions of the price book the calls of one window were charged with.
-- param since time: from this moment on
-- param until time: up to, not including, this moment
-- column source_version text: the compiled price book; NULL = the card is not in the store
-- column checked_on date: the last day a price in it was checked
-- column n_rate_cards cards: that were used
-- column n_calls calls: charged with it
-- column cost_usd usd: what they came to
with charged as (
    select rate_card, count(*) as n_calls, sum(list_cost_usd) as cost_usd
    from calls
    where project = $scope
        and started_at >= $since
        and started_at < $until
        and rate_card is not null
    group by rate_card
)

select
    rate_cards.source_version,
    max(rate_cards.checked_on) as checked_on,
    cast(count(distinct charged.rate_card) as bigint) as n_rate_cards,
    cast(sum(charged.n_calls) as bigint) as n_calls,
    cast(sum(charged.cost_usd) as decimal(38, 12)) as cost_usd
from charged
left join rate_cards on rate_cards.rate_card = charged.rate_card
group by rate_cards.source_version
order by n_calls desc, source_version
