-- purpose: Conversations: those whose last call is newest, or the dearest, longest or worst of a window.
-- param since time: from this moment on
-- param until time: up to, not including, this moment
-- param limit integer: how many rows
-- param sort text optional: last (newest last call first, unless given), cost, calls or errors (most first)
-- param skip integer optional: how many rows of that order to leave out, 0 unless given
-- param windows text optional: sizes of context windows in tokens, as JSON: model -> tokens (what is not JSON says nothing)
-- param user_id text optional: only sessions of this user
-- param tenant_id text optional: only this tenant; empty text = calls without a tenant
-- param model text optional: only this model; empty text = calls that name none
-- param environment text optional: only this environment; empty text = calls that name none
-- param prompt_name text optional: only this prompt; empty text = calls that name none
-- param dimension text optional: only calls with `dimension_value` in this dimension (the query `dimensions` lists them)
-- param dimension_value text optional: its value; empty or not given = calls that have none
-- column session_id text: the conversation
-- column first_at utc: its first call within the window
-- column last_at utc: its last one
-- column n_calls calls: within the window
-- column n_errors calls: of these, failed
-- column n_traces count: in so many traces: turns, as a rule
-- column n_truncated calls: whose answer ended at a limit of tokens
-- column n_near_window calls: that used 90 % of their model's window or more, as `windows` says; of others nothing is known
-- column input_tokens tokens: known input; NULL when none is known
-- column output_tokens tokens: known output; NULL when none is known
-- column most_context_tokens tokens: input and output of the largest call
-- column n_priced calls: with a known cost
-- column cost_usd usd: sum of the known costs, as we pay them (effective); NULL when none is known
-- column n_users count: that its calls name
-- column user_id text: the user; of several the last
-- column tenant_id text: whom the last call was for
-- column models text: that answered, in alphabetical order
-- column prompt_names text: that were used, in alphabetical order
-- column n_sessions count: in the window, beyond the limit too
with asked as not materialized (
    select *
    from calls_within(
        $scope, $since, $until, $tenant_id, $model, $environment, $prompt_name, $dimension, $dimension_value, null, null
    )
    where session_id is not null
        and ($user_id is null or user_id = $user_id)
),

-- First which, by as little as that takes; then everything about those few. Materialized, so wide a table costs three times as much.
counted as (
    select
        session_id,
        max(started_at) as last_at,
        cast(case $sort
            when 'cost' then cast(sum(effective_cost_usd) as double)
            when 'calls' then count(*)
            when 'errors' then count(*) filter (status = 'error')
        end as double) as amount
    from asked
    group by session_id
),

chosen as (
    select *, count(*) over () as n_sessions
    from counted
    order by amount desc nulls last, last_at desc, session_id
    limit $limit
    offset coalesce($skip, 0)
)

select
    asked.session_id,
    min(asked.started_at) as first_at,
    max(asked.started_at) as last_at,
    cast(count(*) as bigint) as n_calls,
    cast(count(*) filter (asked.status = 'error') as bigint) as n_errors,
    cast(count(distinct asked.trace_id) as bigint) as n_traces,
    cast(count(*) filter (asked.finish_reason = 'length') as bigint) as n_truncated,
    cast(count(*) filter (
        (asked.input_tokens + coalesce(asked.output_tokens, 0)) * 10 >= 9 * case when json_valid($windows) then coalesce(
            try_cast(json_extract_string($windows, json_pointer(asked.model_answered)) as bigint),
            try_cast(json_extract_string($windows, json_pointer(asked.model_requested)) as bigint)
        ) end
    ) as bigint) as n_near_window,
    cast(sum(asked.input_tokens) as bigint) as input_tokens,
    cast(sum(asked.output_tokens) as bigint) as output_tokens,
    cast(max(asked.input_tokens + coalesce(asked.output_tokens, 0)) as bigint) as most_context_tokens,
    cast(count(asked.effective_cost_usd) as bigint) as n_priced,
    cast(sum(asked.effective_cost_usd) as decimal(38, 12)) as cost_usd,
    cast(count(distinct asked.user_id) as bigint) as n_users,
    arg_max(asked.user_id, asked.started_at) as user_id,
    arg_max(asked.tenant_id, asked.started_at) as tenant_id,
    array_to_string(list_sort(list(distinct coalesce(asked.model_answered, asked.model_requested))), ', ') as models,
    array_to_string(list_sort(list(distinct asked.prompt_name)), ', ') as prompt_names,
    cast(any_value(chosen.n_sessions) as bigint) as n_sessions
from asked
inner join chosen on chosen.session_id = asked.session_id
group by asked.session_id
order by any_value(chosen.amount) desc nulls last, last_at desc, asked.session_id
