-- purpose: The calls of this commit in the shape that pricing/charge.sql charges.
-- input: `settled` without the rows in `dropped`, and `resolved_models` (provider and models as sent -> the price book's model key).
-- output: `priceable`.
create or replace temp view priceable as
select
    fresh.project,
    fresh.trace_id,
    fresh.span_id,
    fresh.started_at,
    resolved_models.model_key,
    fresh.service_tier,
    fresh.input_tokens,
    fresh.cached_input_tokens,
    fresh.cache_write_tokens,
    cast(null as bigint) as cache_write_1h_tokens,
    fresh.output_tokens,
    fresh.reasoning_tokens,
    fresh.audio_input_tokens,
    fresh.audio_output_tokens,
    fresh.cache_hit,
    fresh.status
from settled as fresh
left join resolved_models
    on resolved_models.provider is not distinct from fresh.provider
    and resolved_models.model_answered is not distinct from fresh.model_answered
    and resolved_models.model_requested is not distinct from fresh.model_requested
where fresh.role = 'call'
    and fresh.row not in (select row from dropped)
