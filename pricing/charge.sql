-- What each call cost: the charge columns of every row of `priceable`, one row out for one row in.
--
-- A line that ends in "each UNIT" stands for one of it per kind of token that the calls used (charge.py writes them out:
-- a batch seldom has more than five of the thirteen, and DuckDB takes a millisecond to plan each), "each UNIT besides" for
-- one per other kind.
--
-- Inputs (made by charge.py)
--   priceable: project, trace_id, span_id, started_at TIMESTAMP (UTC), minute (of the UTC day), price_key (its model, variant,
--     terms and region; NULL = the model is unknown), reported_cost_usd DOUBLE, billed_to ('us', 'customer'), all that
--     leaves.py says of a call (problem, total_input, is_cache_hit, is_estimated, output_is_unknown, images_in_untold, images_out_untold), and
--     the count of each UNIT: disjoint, NULL = not reported; of `request` 1.
--   price_sheets: per price_key the rates for one of each UNIT, in disjoint rectangles of time, minutes of the UTC day and
--     total input. One without a rate_card: the model has a price then, its variant none.
-- Outputs: project, trace_id, span_id, rate_card,
--   cost_status     priced | free (every rate is an explicit zero) | cache_hit (our gateway answered; nothing was billed)
--                   | no_usage | conflict (the counts contradict each other) | unpriced_model | unpriced_unit
--   cost_estimated  the cost is known, but rests on something the telemetry or the card does not tell apart
--   UNIT_usd        amount per disjoint kind of token (NULL when the count was not reported); they add up to list_cost_usd
--   list_cost_usd, effective_cost_usd (what we pay by agreement; 0 where the customer's own account is billed),
--   saved_cost_usd (cache hits), reported_cost_usd (as telemetry said): USD
--   currency of the card, fx_rate, fx_source, region_multiplier, agreement, agreement_multiplier, billed_to
--   Every amount is DECIMAL(18,12). NULL means unknown and is never written as 0.
--
-- Rules, where a reader might expect otherwise:
--   * A unit without a rate has the one that layout.py gives it, or leaves the whole call unpriced_unit.
--   * The context tier is a cliff, decided on the total input: the whole call moves.
--   * A service tier is priced by the card of its variant or not at all, never silently at the standard price.
--   * Exact: count x rate has twelve decimals. It is rounded to them where a region multiplies it, and once more where a
--     currency is converted. `/` would turn DECIMAL into DOUBLE.

with priced as (
    select
        c.project, c.trace_id, c.span_id, c.is_cache_hit, c.billed_to, c.reported_cost_usd,
        s.rate_card, s.currency, s.fx_rate, s.fx_source, s.region_multiplier, s.agreement, s.agreement_multiplier,
        case
            when c.problem is not null then c.problem
            when s.price_key is null then 'unpriced_model'
            when s.rate_card is null or s.usd_per_unit is null then 'unpriced_unit'
            when c.images_out_untold and s.makes_dearer_images then 'unpriced_unit'
            when s.is_free then 'free'
            else 'priced'
        end as status,
        c.is_estimated or s.is_estimate or c.output_is_unknown and s.has_output
            or c.images_in_untold and s.has_images_apart as is_estimated,
        c.UNIT, -- each UNIT
        -- Plain: in USD and the same in every region. To round takes DuckDB 0.3 µs (0.8 if left to the cast), all else 0.02.
        case when s.is_plain then try_cast(c.UNIT::decimal(9, 0) * s.UNIT_rate as decimal(18, 12)) else try_cast(round(try_cast(round(c.UNIT::decimal(9, 0) * s.UNIT_rate * s.factor, 12) as decimal(18, 12)) * s.usd_per_unit, 12) as decimal(18, 12)) end as UNIT_amount, -- each UNIT
        0::decimal(18, 12) as nothing
    from priceable as c
    left join price_sheets as s
        on c.price_key = s.price_key
        and c.started_at >= s.valid_from and c.started_at < s.valid_to
        and c.minute >= s.from_minute and c.minute < s.to_minute
        and c.total_input > s.above_tokens and c.total_input <= s.up_to_tokens
),

-- NULL, and the whole call unpriced, when something that was used has no rate.
totalled as (
    select
        *,
        try_cast(
            nothing
            + case when UNIT > 0 then UNIT_amount else nothing end -- each UNIT
            as decimal(18, 12)
        ) as total
    from priced
),

judged as (
    select
        * replace (
            case
                when is_cache_hit then 'cache_hit'
                when status in ('priced', 'free') and total is null then 'unpriced_unit'
                else status
            end as status
        ),
        status in ('priced', 'free') and total is not null as is_known
    from totalled
)

select
    project, trace_id, span_id, rate_card, status as cost_status,
    not is_cache_hit and is_known and is_estimated as cost_estimated,
    case when not is_cache_hit then case when is_known then UNIT_amount end when UNIT is not null then nothing end as UNIT_usd, -- each UNIT
    null::decimal(18, 12) as UNIT_usd, -- each UNIT besides
    case when is_cache_hit then nothing when is_known then total end as list_cost_usd,
    case
        when is_cache_hit or is_known and billed_to = 'customer' then nothing
        when is_known and agreement_multiplier is null then total
        when is_known then try_cast(round(total * agreement_multiplier, 12) as decimal(18, 12))
    end as effective_cost_usd,
    case when is_cache_hit and is_known then total end as saved_cost_usd,
    try_cast(reported_cost_usd as decimal(18, 12)) as reported_cost_usd,
    coalesce(currency, 'USD') as currency, fx_rate, fx_source, region_multiplier, agreement, agreement_multiplier, billed_to
from judged
