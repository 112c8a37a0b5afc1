-- Whether a call has what few calls have: it is summed up in rows of its own (store/rolling/exceptions.sql).
create or replace macro is_exception(
    cost_status, cache_hit, cost_estimated, sampling_rate, reported_cost_usd, billed_to, attributed_by, saved_cost_usd
) as
    coalesce(
        cost_status = 'no_usage' or cache_hit or cost_estimated or sampling_rate < 1 or billed_to = 'customer', false
    ) or reported_cost_usd is not null or attributed_by is not null or saved_cost_usd is not null;
