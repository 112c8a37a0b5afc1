-- purpose: Settle and store the spans of this commit: what each is, whose, its canonical values, and its official charge,
-- which rides on the span so that no page joins for it.
-- input: `incoming`, the decoded spans (collector/decode/spans.py), none of them stored yet; `charged`.
-- In order of arrival: sorting a batch would prune nothing, it is a part of a row group.
insert into spans by name
with valued as (
    select
        *,
        -- Where an emitter keeps the HTTP status: its attribute, a numeric error.type, or the error's text.
        coalesce(
            http_status,
            try_cast(regexp_extract(error_type, '^([1-5]\d\d)$', 1) as bigint),
            try_cast(regexp_extract(status_message, 'Error code: ([1-5]\d\d)', 1) as bigint)
        ) as any_http_status,
        coalesce(error_type, exception_type) as any_error_type
    from incoming
),
settled as (
    select
        cast(started_at as date) as day,
        project,
        trace_id,
        span_id,
        parent_span_id,
        started_at,
        duration_ns,
        received_at,
        batch_id,
        span_name,
        span_kind,
        scope_name,
        scope_version,
        service_name,
        coalesce(key_environment, environment) as environment,
        case when failed then 'error' else 'ok' end as status,
        attributes,
        resource,
        events,
        links,
        dropped_attributes_count,
        case when is_call then 'call' else 'context' end as role,
        case when is_call then request_id end as request_id,
        -- A key that is bound to a tenant cannot book on another's account, whatever the telemetry says.
        coalesce(key_tenant_id, tenant_id, resource_tenant_id) as tenant_id,
        case when is_call then try_cast(ttft_s * 1e9 as bigint) end as ttft_ns,
        operation,
        provider,
        case when is_call then model_requested end as model_requested,
        case when is_call then model_answered end as model_answered,
        case when is_call then service_tier end as service_tier,
        case when is_call then input_tokens end as input_tokens,
        case when is_call then cached_input_tokens end as cached_input_tokens,
        case when is_call then cache_write_tokens end as cache_write_tokens,
        case when is_call then output_tokens end as output_tokens,
        case when is_call then reasoning_tokens end as reasoning_tokens,
        case when is_call then audio_input_tokens end as audio_input_tokens,
        case when is_call then audio_output_tokens end as audio_output_tokens,
        case
            when not is_call then null
            when input_tokens is null and output_tokens is null then 'none'
            else 'reported'
        end as usage_source,
        case when is_call and input_tokens is not null then coalesce(usage_semantics, 'inclusive') end as usage_semantics,
        case when is_call then stream end as stream,
        case
            when not is_call or not failed then null
            -- Before the status: providers refuse content with a plain 400.
            when regexp_matches(any_error_type, '(?i)content.?filter|safety|moderation') then 'content_filter'
            when any_http_status = 429 then 'rate_limit'
            when any_http_status in (408, 504) then 'timeout'
            when any_http_status >= 500 then 'server'
            when any_http_status in (401, 403) then 'auth'
            when any_http_status between 400 and 499 then 'bad_request'
            when regexp_matches(any_error_type, '(?i)rate.?limit|resource.?exhausted|too.?many.?requests') then 'rate_limit'
            when regexp_matches(any_error_type, '(?i)time.?out|deadline') then 'timeout'
            when regexp_matches(any_error_type, '(?i)cancel|abort') then 'cancelled'
            when regexp_matches(any_error_type, '(?i)connect') then 'connection'
            when regexp_matches(any_error_type, '(?i)internal.?server|service.?unavailable|overloaded|^server') then 'server'
            when regexp_matches(any_error_type, '(?i)auth|permission') then 'auth'
            when regexp_matches(any_error_type, '(?i)bad.?request|invalid|unprocessable|not.?found') then 'bad_request'
            else 'other'
        end as error_class,
        case when is_call and failed then any_error_type end as error_type,
        case when is_call then any_http_status end as http_status,
        case when is_call then finish_reason end as finish_reason,
        case when is_call then attempt end as attempt,
        case when is_call then cache_hit end as cache_hit,
        session_id,
        coalesce(user_id, resource_user_id) as user_id,
        case when is_call then feature end as feature,
        prompt_name,
        prompt_version,
        agent_name,
        response_id,
        case when is_call then coalesce(emitter, scope_name) end as emitter,
        case when is_call then try_cast(reported_cost_usd as decimal(18, 12)) end as reported_cost_usd,
        run_id,
        case_id
    from valued
)
select
    settled.*,
    charged.cost_status,
    charged.cost_estimated,
    charged.list_cost_usd,
    charged.effective_cost_usd,
    charged.saved_cost_usd,
    charged.rate_card
from settled
left join charged
    on charged.project = settled.project
    and charged.trace_id = settled.trace_id
    and charged.span_id = settled.span_id
