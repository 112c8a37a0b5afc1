-- purpose: Rate cards that were recorded but hold only once somebody approves them, and how many calls have their model.
-- param since time: calls from this moment on are counted
-- column rate_card text: the card
-- column provider text: of the price book
-- column model text: of the price book
-- column variant text: standard, batch, …
-- column layer text: snapshot, import or override
-- column valid_from utc: when it would begin to hold
-- column held_because text: what is unusual about it
-- column source text: where its prices are from
-- column recorded_at utc: when it was recorded
-- column recorded_by text: by whom
-- column n_calls calls: charged by another card of this model since then
with used as (
    select rate_card, count(*) as n_calls
    from calls
    where project = $scope
        and started_at >= $since
        and rate_card is not null
    group by rate_card
),

used_models as (
    select rate_cards.model_key, sum(used.n_calls) as n_calls
    from used
    join (select distinct rate_card, model_key from rate_cards) as rate_cards on rate_cards.rate_card = used.rate_card
    group by rate_cards.model_key
)

select
    held.rate_card,
    held.provider,
    held.model,
    held.variant,
    held.layer,
    held.valid_from,
    held.held_because,
    held.source,
    held.recorded_at,
    held.recorded_by,
    cast(coalesce(used_models.n_calls, 0) as bigint) as n_calls
from rate_cards as held
left join used_models on used_models.model_key = held.model_key
where held.held_because is not null
    and not exists (
        select 1
        from rate_cards as later
        where later.approves = held.rate_card or later.withdraws = held.rate_card
    )
order by n_calls desc, held.recorded_at desc, held.rate_card
