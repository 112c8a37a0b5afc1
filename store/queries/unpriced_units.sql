-- purpose: What calls used that their rate card has no rate for, so that no cost is known of them; most calls first.
-- param since time: from this moment on
-- param until time: up to, not including, this moment
-- column provider text: who sold it
-- column model text: the model that answered, else the one asked for
-- column service_tier text: as telemetry has it
-- column rate_card text: the card that holds; NULL = the model has none for this service tier
-- column unit text: what has no rate (pricing/units.py); NULL = the whole tier, or the card's currency has no exchange rate
-- column currency text: of the card
-- column n_calls calls: without a cost because of it
-- column n_units count: of the unit in those calls: tokens, or searches
-- column last_started_at utc: the newest of them
-- column span_id hex: of the newest, for `explain`
-- Which rate a unit without one of its own takes: COSTS_AS_MUCH_AS in pricing/layout.py.
with unpriced as (
    select
        provider,
        coalesce(model_answered, model_requested) as model,
        service_tier,
        rate_card,
        started_at,
        span_id,
        [
            {
                'unit': 'uncached_input',
                'n': input_tokens - coalesce(cached_input_tokens, 0) - coalesce(cache_write_tokens, cache_write_1h_tokens, 0)
                    - coalesce(audio_input_tokens, 0) - coalesce(image_input_tokens, 0) + coalesce(cached_audio_input_tokens, 0)
            },
            {'unit': 'cached_input', 'n': cached_input_tokens - coalesce(cached_audio_input_tokens, 0)},
            {
                'unit': 'cache_write',
                'n': coalesce(cache_write_tokens, cache_write_1h_tokens) - coalesce(cache_write_1h_tokens, 0)
            },
            {'unit': 'cache_write_1h', 'n': cache_write_1h_tokens},
            {'unit': 'audio_input', 'n': audio_input_tokens - coalesce(cached_audio_input_tokens, 0)},
            {'unit': 'cached_audio_input', 'n': cached_audio_input_tokens},
            {'unit': 'image_input', 'n': image_input_tokens},
            {
                'unit': 'output',
                'n': output_tokens - coalesce(reasoning_tokens, 0) - coalesce(audio_output_tokens, 0)
                    - coalesce(image_output_tokens, 0)
            },
            {'unit': 'reasoning', 'n': reasoning_tokens},
            {'unit': 'audio_output', 'n': audio_output_tokens},
            {'unit': 'image_output', 'n': image_output_tokens},
            {'unit': 'web_searches', 'n': web_searches}
        ] as used
    from calls
    where project = $scope
        and started_at >= $since
        and started_at < $until
        and cost_status = 'unpriced_unit'
),

cards as (
    select
        rates.rate_card,
        any_value(rate_cards.currency) as currency,
        list(distinct rates.unit) as units
    from rates
    join rate_cards on rate_cards.rate_card = rates.rate_card
    where rates.rate_card in (select rate_card from unpriced)
    group by rates.rate_card
),

lacking as (
    select
        unpriced.* exclude (used),
        cards.currency,
        list_filter(unpriced.used, lambda one: one.n > 0 and not case one.unit
            when 'cached_input' then list_has_any(cards.units, ['cached_input', 'uncached_input'])
            when 'cache_write' then list_has_any(cards.units, ['cache_write', 'uncached_input'])
            when 'cache_write_1h' then list_contains(cards.units, 'cache_write_1h')
                or list_contains(cards.units, 'uncached_input') and not list_contains(cards.units, 'cache_write')
            when 'image_input' then list_has_any(cards.units, ['image_input', 'uncached_input'])
            when 'cached_audio_input' then list_has_any(cards.units, ['cached_audio_input', 'audio_input'])
            when 'reasoning' then list_has_any(cards.units, ['reasoning', 'output'])
            else list_contains(cards.units, one.unit)
        end) as lacks
    from unpriced
    left join cards on cards.rate_card = unpriced.rate_card
),

told as (
    select
        * exclude (lacks),
        unnest(case when rate_card is null or len(lacks) = 0 then [{'unit': null, 'n': null}] else lacks end) as lacked
    from lacking
)

select
    provider,
    model,
    service_tier,
    rate_card,
    cast(lacked.unit as varchar) as unit,
    currency,
    cast(count(*) as bigint) as n_calls,
    cast(sum(lacked.n) as bigint) as n_units,
    max(started_at) as last_started_at,
    arg_max(span_id, started_at) as span_id
from told
group by provider, model, service_tier, rate_card, lacked.unit, currency
order by n_calls desc, provider, model, service_tier, unit
