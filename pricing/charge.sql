-- What each call cost: the charge columns of every row of `priceable`, one row out for one row in.
--
-- Inputs
--   priceable (made by the caller, per commit): project, trace_id UUID, span_id UBIGINT, started_at TIMESTAMP (UTC),
--     model_key (from Book.resolve_call; NULL = unknown), service_tier, cache_hit BOOLEAN, status ('ok', 'error'),
--     input_tokens (including cached, written and audio), cached_input_tokens, cache_write_tokens (all written),
--     cache_write_1h_tokens (of those, kept for an hour), output_tokens (including reasoning and audio),
--     reasoning_tokens, audio_input_tokens, audio_output_tokens: BIGINT, NULL = not reported.
--   rate_cards, rates: USD per million of the unit.
-- Outputs: project, trace_id, span_id, rate_card,
--   cost_status     priced | free (every rate is an explicit zero) | cache_hit (our gateway answered; nothing was billed)
--                   | no_usage | conflict (the counts contradict each other) | unpriced_model | unpriced_unit
--   cost_estimated  the cost is known, but rests on something the telemetry or the card does not tell apart
--   <unit>_usd      amount per disjoint kind of token (NULL when the count was not reported); they add up to list_cost_usd
--   list_cost_usd, effective_cost_usd (the same until agreements exist), saved_cost_usd (cache hits): USD
--   Every amount is DECIMAL(18,12). NULL means unknown and is never written as 0.
--
-- Rules, where a reader might expect otherwise:
--   * Only disjoint counts are priced: the totals less what is counted apart. A negative remainder is a conflict.
--   * Cached and written tokens without a rate of their own cost the plain input rate, reasoning the output rate: that is
--     what vendors without such a line bill, and what genai-prices does. Two exceptions stay unpriced_unit, because the
--     parent's rate would be far too low: hour-long writes where short ones have a rate (Anthropic's cost 1.6 times
--     the short ones), and audio (at OpenAI up to 17 times text).
--   * The context tier is a cliff, decided on the total input: the whole call moves.
--   * A service tier is priced by the card of its variant or not at all, never silently at the standard price.
--   * A count beyond 100 million in one call is a broken counter: a conflict, and no overflow that would fail the batch.
--   * Exact: tokens * DECIMAL(18,6) * 0.000001 has twelve decimals at most. `/` would turn DECIMAL into DOUBLE.
--   * ASOF joins take at most one card per call, so that a card recorded twice can not bill twice.

with calls as (
    select
        project, trace_id, span_id, started_at, model_key, coalesce(cache_hit, false) as is_cache_hit,
        case
            when coalesce(lower(trim(service_tier)), '') in
                ('', 'default', 'auto', 'standard', 'standard_only', 'on_demand', 'on-demand') then 'standard'
            else lower(trim(service_tier))
        end as variant,
        input_tokens, cached_input_tokens, cache_write_1h_tokens, output_tokens,
        coalesce(cache_write_tokens, cache_write_1h_tokens) as cache_write_tokens,
        reasoning_tokens, audio_input_tokens, audio_output_tokens,
        input_tokens is null and output_tokens is null
            or status = 'error' and coalesce(input_tokens, 0) = 0 and coalesce(output_tokens, 0) = 0 as has_no_usage,
        coalesce(input_tokens, 0) between 0 and 100000000
            and coalesce(cached_input_tokens, 0) between 0 and 100000000
            and coalesce(cache_write_tokens, 0) between 0 and 100000000
            and coalesce(cache_write_1h_tokens, 0) between 0 and 100000000
            and coalesce(output_tokens, 0) between 0 and 100000000
            and coalesce(reasoning_tokens, 0) between 0 and 100000000
            and coalesce(audio_input_tokens, 0) between 0 and 100000000
            and coalesce(audio_output_tokens, 0) between 0 and 100000000 as is_plausible
    from priceable
),

-- Disjoint counts. Implausible calls carry none, so that nothing below can overflow on them.
counted as (
    select
        project, trace_id, span_id, started_at, model_key, is_cache_hit, variant, has_no_usage, is_plausible,
        input_tokens is null as input_is_unknown,
        output_tokens is null as output_is_unknown,
        case when is_plausible then coalesce(input_tokens, 0) else 0 end as total_input,
        case when not is_plausible then null
            when input_tokens is null and coalesce(cached_input_tokens, cache_write_tokens, audio_input_tokens) is null
                then null
            else coalesce(input_tokens, 0) - coalesce(cached_input_tokens, 0) - coalesce(cache_write_tokens, 0)
                - coalesce(audio_input_tokens, 0) end as uncached_input,
        case when is_plausible then cached_input_tokens end as cached_input,
        case when is_plausible then cache_write_tokens - coalesce(cache_write_1h_tokens, 0) end as cache_write,
        case when is_plausible then cache_write_1h_tokens end as cache_write_1h,
        case when not is_plausible then null
            when output_tokens is null and coalesce(reasoning_tokens, audio_output_tokens) is null then null
            else coalesce(output_tokens, 0) - coalesce(reasoning_tokens, 0)
                - coalesce(audio_output_tokens, 0) end as output,
        case when is_plausible then reasoning_tokens end as reasoning,
        case when is_plausible then audio_input_tokens end as audio_input,
        case when is_plausible then audio_output_tokens end as audio_output
    from calls
),

cards_in_play as (
    select rate_card, model_key, variant, valid_from, valid_to, estimated_because
    from rate_cards
    where model_key in (select model_key from priceable)
),

standard_cards as (
    select model_key, valid_from, valid_to
    from cards_in_play
    where variant = 'standard'
),

-- A card's rates side by side, one row per context tier; a unit that a tier does not name keeps its lower rate.
tiers as (
    select
        rate_card, tier_from_tokens as above_tokens,
        lead(tier_from_tokens) over (partition by rate_card order by tier_from_tokens) as up_to_tokens
    from (select distinct rate_card, tier_from_tokens from rates)
    where rate_card in (select rate_card from cards_in_play)
),

sheets as (
    select
        t.rate_card, t.above_tokens, t.up_to_tokens,
        arg_max(r.per_million, r.tier_from_tokens) filter (where r.unit = 'uncached_input') as uncached_input,
        arg_max(r.per_million, r.tier_from_tokens) filter (where r.unit = 'cached_input') as cached_input,
        arg_max(r.per_million, r.tier_from_tokens) filter (where r.unit = 'cache_write') as cache_write,
        arg_max(r.per_million, r.tier_from_tokens) filter (where r.unit = 'cache_write_1h') as cache_write_1h,
        arg_max(r.per_million, r.tier_from_tokens) filter (where r.unit = 'output') as output,
        arg_max(r.per_million, r.tier_from_tokens) filter (where r.unit = 'reasoning') as reasoning,
        arg_max(r.per_million, r.tier_from_tokens) filter (where r.unit = 'audio_input') as audio_input,
        arg_max(r.per_million, r.tier_from_tokens) filter (where r.unit = 'audio_output') as audio_output,
        arg_max(r.per_million, r.tier_from_tokens) filter (where r.unit = 'request') as request,
        max(r.per_million) = 0 as is_free
    from tiers as t
    join rates as r on r.rate_card = t.rate_card and r.tier_from_tokens <= t.above_tokens
    group by t.rate_card, t.above_tokens, t.up_to_tokens
),

carded as (
    select
        c.*,
        case when s.valid_to is null or c.started_at < s.valid_to then s.valid_from end is not null as has_standard_card,
        case when v.valid_to is null or c.started_at < v.valid_to then v.rate_card end as rate_card,
        v.estimated_because
    from counted as c
    asof left join cards_in_play as v
        on c.model_key = v.model_key and c.variant = v.variant and c.started_at >= v.valid_from
    asof left join standard_cards as s
        on c.model_key = s.model_key and c.started_at >= s.valid_from
),

rated as (
    select
        c.*,
        r.uncached_input as uncached_input_rate,
        coalesce(r.cached_input, r.uncached_input) as cached_input_rate,
        coalesce(r.cache_write, r.uncached_input) as cache_write_rate,
        case when r.cache_write is null then coalesce(r.cache_write_1h, r.uncached_input) else r.cache_write_1h end
            as cache_write_1h_rate,
        r.output as output_rate,
        coalesce(r.reasoning, r.output) as reasoning_rate,
        r.audio_input as audio_input_rate,
        r.audio_output as audio_output_rate,
        coalesce(r.request, 0) as request_rate,
        coalesce(r.is_free, false) as is_free
    from carded as c
    left join sheets as r
        on r.rate_card = c.rate_card
        and (c.total_input > r.above_tokens or r.above_tokens = 0)
        and (c.total_input <= r.up_to_tokens or r.up_to_tokens is null)
),

priced as (
    select
        *,
        try_cast(uncached_input::decimal(12, 0) * uncached_input_rate * 0.000001 as decimal(18, 12)) as uncached_input_amount,
        try_cast(cached_input::decimal(12, 0) * cached_input_rate * 0.000001 as decimal(18, 12)) as cached_input_amount,
        try_cast(cache_write::decimal(12, 0) * cache_write_rate * 0.000001 as decimal(18, 12)) as cache_write_amount,
        try_cast(cache_write_1h::decimal(12, 0) * cache_write_1h_rate * 0.000001 as decimal(18, 12)) as cache_write_1h_amount,
        try_cast(output::decimal(12, 0) * output_rate * 0.000001 as decimal(18, 12)) as output_amount,
        try_cast(reasoning::decimal(12, 0) * reasoning_rate * 0.000001 as decimal(18, 12)) as reasoning_amount,
        try_cast(audio_input::decimal(12, 0) * audio_input_rate * 0.000001 as decimal(18, 12)) as audio_input_amount,
        try_cast(audio_output::decimal(12, 0) * audio_output_rate * 0.000001 as decimal(18, 12)) as audio_output_amount,
        try_cast(request_rate * 0.000001 as decimal(18, 12)) as request_amount,
        least(uncached_input, cached_input, cache_write, cache_write_1h, output, reasoning, audio_input, audio_output) < 0
            as has_negative_count
    from rated
),

totalled as (
    select
        *,
        coalesce(uncached_input > 0 and uncached_input_amount is null, false)
            or coalesce(cached_input > 0 and cached_input_amount is null, false)
            or coalesce(cache_write > 0 and cache_write_amount is null, false)
            or coalesce(cache_write_1h > 0 and cache_write_1h_amount is null, false)
            or coalesce(output > 0 and output_amount is null, false)
            or coalesce(reasoning > 0 and reasoning_amount is null, false)
            or coalesce(audio_input > 0 and audio_input_amount is null, false)
            or coalesce(audio_output > 0 and audio_output_amount is null, false)
            or request_amount is null as lacks_a_rate,
        try_cast(
            coalesce(uncached_input_amount, 0)::decimal(38, 12) + coalesce(cached_input_amount, 0)
            + coalesce(cache_write_amount, 0) + coalesce(cache_write_1h_amount, 0)
            + coalesce(output_amount, 0) + coalesce(reasoning_amount, 0)
            + coalesce(audio_input_amount, 0) + coalesce(audio_output_amount, 0)
            + request_amount as decimal(18, 12)
        ) as total
    from priced
),

judged as (
    select
        *,
        case
            when has_no_usage then 'no_usage'
            when not is_plausible or coalesce(has_negative_count, false) then 'conflict'
            when rate_card is null and has_standard_card then 'unpriced_unit'
            when rate_card is null then 'unpriced_model'
            when lacks_a_rate or total is null then 'unpriced_unit'
            when is_free then 'free'
            else 'priced'
        end as billed_status
    from totalled
),

-- What every amount of the row is multiplied by, in effect: 1 when billed, 0 on a cache hit, NULL when unknown.
decided as (
    select
        *,
        billed_status in ('priced', 'free') as is_known,
        case when is_cache_hit then 'cache_hit' else billed_status end as cost_status
    from judged
)

select
    project, trace_id, span_id, rate_card, cost_status,
    not is_cache_hit and is_known and (
        estimated_because is not null
        or input_is_unknown
        or output_is_unknown and output_rate is not null
        -- cached audio has its own rate, and the two counts do not say how much of one is the other
        or coalesce(cached_input > 0 and audio_input > 0, false)
    ) as cost_estimated,
    case when is_cache_hit then 0 when is_known then uncached_input_amount end::decimal(18, 12) as uncached_input_usd,
    case when is_cache_hit then 0 when is_known then cached_input_amount end::decimal(18, 12) as cached_input_usd,
    case when is_cache_hit then 0 when is_known then cache_write_amount end::decimal(18, 12) as cache_write_usd,
    case when is_cache_hit then 0 when is_known then cache_write_1h_amount end::decimal(18, 12) as cache_write_1h_usd,
    case when is_cache_hit then 0 when is_known then output_amount end::decimal(18, 12) as output_usd,
    case when is_cache_hit then 0 when is_known then reasoning_amount end::decimal(18, 12) as reasoning_usd,
    case when is_cache_hit then 0 when is_known then audio_input_amount end::decimal(18, 12) as audio_input_usd,
    case when is_cache_hit then 0 when is_known then audio_output_amount end::decimal(18, 12) as audio_output_usd,
    case when is_cache_hit then 0 when is_known then request_amount end::decimal(18, 12) as request_usd,
    case when is_cache_hit then 0 when is_known then total end::decimal(18, 12) as list_cost_usd,
    case when is_cache_hit then 0 when is_known then total end::decimal(18, 12) as effective_cost_usd,
    case when is_cache_hit and is_known then total end::decimal(18, 12) as saved_cost_usd
from decided
