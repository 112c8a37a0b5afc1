-- purpose: The conversations of a window summed up; what each of them is, is in `sessions`.
-- param since time: from this moment on
-- param until time: up to, not including, this moment
-- param user_id text optional: only sessions of this user
-- param tenant_id text optional: only this tenant; empty text = calls without a tenant
-- param model text optional: only this model; empty text = calls that name none
-- param environment text optional: only this environment; empty text = calls that name none
-- param prompt_name text optional: only this prompt; empty text = calls that name none
-- param dimension text optional: only calls with `dimension_value` in this dimension (the query `dimensions` lists them)
-- param dimension_value text optional: its value; empty or not given = calls that have none
-- column n_sessions count: conversations with a call in the window
-- column n_calls calls: of them
-- column n_loose calls: that name no conversation
-- column n_users count: that the calls of conversations name
-- column median_calls number: calls of a conversation, the median; NULL without one
-- column n_failed count: conversations with a call that failed
-- column n_truncated count: conversations with an answer that ended at a limit of tokens
-- column n_priced calls: of conversations, with a known cost
-- column cost_usd usd: of conversations, sum of the known costs, as we pay them (effective); NULL when none is known
-- column median_cost_usd usd: of one conversation with a known cost, the median; NULL when none is known
-- column last_at utc: the newest call of a conversation
with asked as not materialized (
    select *
    from calls_within(
        $scope, $since, $until, $tenant_id, $model, $environment, $prompt_name, $dimension, $dimension_value, null, null
    )
    where $user_id is null or user_id = $user_id
),

-- The calls without one are a group of their own, which no column but `n_loose` counts.
per_session as (
    select
        session_id,
        count(*) as n_calls,
        count(*) filter (status = 'error') as n_errors,
        count(*) filter (finish_reason = 'length') as n_truncated,
        count(effective_cost_usd) as n_priced,
        sum(effective_cost_usd) as cost_usd,
        max(started_at) as last_at
    from asked
    group by session_id
),

users as (
    select count(distinct user_id) as n
    from asked
    where session_id is not null
)

select
    cast(count(session_id) as bigint) as n_sessions,
    cast(coalesce(sum(n_calls) filter (session_id is not null), 0) as bigint) as n_calls,
    cast(coalesce(sum(n_calls) filter (session_id is null), 0) as bigint) as n_loose,
    cast((select n from users) as bigint) as n_users,
    cast(median(n_calls) filter (session_id is not null) as double) as median_calls,
    cast(count(session_id) filter (n_errors > 0) as bigint) as n_failed,
    cast(count(session_id) filter (n_truncated > 0) as bigint) as n_truncated,
    cast(coalesce(sum(n_priced) filter (session_id is not null), 0) as bigint) as n_priced,
    cast(sum(cost_usd) filter (session_id is not null) as decimal(38, 12)) as cost_usd,
    -- The lower of the two in the middle, so that it is an amount that some conversation cost.
    cast(quantile_disc(cost_usd, 0.5) filter (session_id is not null) as decimal(38, 12)) as median_cost_usd,
    max(last_at) filter (session_id is not null) as last_at
from per_session
