-- purpose: Every price that was ever recorded, with its rates: who set it, when, from where, and whether it counts.
-- param provider text optional: only cards by which this provider bills (the book's name)
-- param model_key text optional: only cards of this model
-- column rate_card text: its id
-- column model_key text: the model that names in telemetry resolve to
-- column provider text: who bills
-- column model text: the model, without the provider
-- column variant text: standard, or the service tier that it prices: batch, flex, priority, fast
-- column currency text: of the rates
-- column valid_from utc: it holds from then on ...
-- column valid_to utc: ... up to then; NULL = until another card begins
-- column from_minute minute: of the UTC day, from which it holds each day; NULL = all day
-- column to_minute minute: of the UTC day, up to which it holds each day
-- column rates list: unit, from how many input tokens on, price of a million
-- column region_multipliers json: what every amount is multiplied by in a region
-- column layer text: snapshot, import, override (of two list prices the last of these counts) or agreement
-- column model_provider text: whose model it is, when another sells it
-- column name_pattern text: names in telemetry that mean this model, beside those the book knows
-- column estimated_because text: why a cost by this card is an estimate
-- column source text: where the price is from
-- column source_version text: what it was compiled from
-- column checked_on date: when the source was read
-- column note text: what was said about it
-- column held_because text: why it holds only once somebody approves it
-- column approves text: this row puts that held card in force
-- column withdraws text: this row says that that card never counts any more
-- column card_key text: the writer's own id of the record
-- column recorded_at utc: when it was recorded
-- column recorded_by text: by whom
with unit_rates as (
    select
        rate_card,
        list(
            {'unit': unit, 'tier_from_tokens': tier_from_tokens, 'per_million': per_million}
            order by unit, tier_from_tokens
        ) as rates
    from rates
    group by rate_card
)

select
    card.rate_card,
    card.model_key,
    card.provider,
    card.model,
    card.variant,
    card.currency,
    card.valid_from,
    card.valid_to,
    card.from_minute,
    card.to_minute,
    unit_rates.rates,
    card.region_multipliers,
    coalesce(card.layer, 'snapshot') as layer, -- a card from before there were layers came with the book
    card.model_provider,
    card.name_pattern,
    card.estimated_because,
    card.source,
    card.source_version,
    card.checked_on,
    card.note,
    card.held_because,
    card.approves,
    card.withdraws,
    card.card_key,
    card.recorded_at,
    card.recorded_by
from rate_cards as card
left join unit_rates on unit_rates.rate_card = card.rate_card
where $scope is not null -- prices are of no project
    and ($provider is null or card.provider = $provider)
    and ($model_key is null or card.model_key = $model_key)
order by card.recorded_at, card.rate_card
