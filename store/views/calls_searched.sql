-- A key as a JSON pointer: keys have dots, and a path would take them for steps.
create or replace macro json_pointer(key) as '/' || replace(replace(key, '~', '~0'), '/', '~1');

-- What a span says under a key, else what its resource says. Some values are stored once, in a column, and only named under the
-- key, as "(in session_id)": store/views knows the four columns that this is done to (conventions marks them as moved).
create or replace macro attribute_text(attribute, attributes, resource, response_id, session_id, user_id, tenant_id) as
    case json_extract_string(attributes, json_pointer(attribute))
        when '(in response_id)' then response_id
        when '(in session_id)' then session_id
        when '(in user_id)' then user_id
        when '(in tenant_id)' then tenant_id
        else coalesce(
            json_extract_string(attributes, json_pointer(attribute)),
            json_extract_string(resource, json_pointer(attribute))
        )
    end;

-- The stored rows of the calls that a search asks for, of a half-open window; a filter of NULL asks for nothing, empty text for
-- calls without a value. Stored rows, not those of `calls`: ids stay binary and nothing is formatted before the rows to show are
-- chosen, and reading prunes by time. `of_kind` is a word for what is often looked for, below; any
-- other word finds nothing.
create or replace macro calls_searched(
    of_project, from_time, to_time, of_tenant, of_model, of_environment, of_prompt, of_version, only_name, only_value,
    of_provider, of_service, of_status, of_error_class, of_cost_status, of_kind, min_duration_ms, min_cost_usd, min_tokens,
    attribute, attribute_value
) as table
select *
from spans
where project = of_project
    and role = 'call'
    and (from_time is null or started_at >= cast(from_time as timestamp))
    and (to_time is null or started_at < cast(to_time as timestamp))
    and (of_tenant is null or coalesce(attributed_tenant_id, tenant_id, '') = of_tenant)
    and (of_model is null or coalesce(model_answered, model_requested, '') = of_model)
    and (of_environment is null or coalesce(environment, '') = of_environment)
    and (of_prompt is null or coalesce(prompt_name, '') = of_prompt)
    and (of_version is null or coalesce(prompt_version, '') = of_version)
    and (of_provider is null or coalesce(provider, '') = of_provider)
    and (of_service is null or coalesce(service_name, '') = of_service)
    and (of_status is null or status = of_status)
    and (of_error_class is null or coalesce(error_class, case when status = 'error' then 'other' end) = of_error_class)
    and (of_cost_status is null or cost_status = of_cost_status)
    and (min_duration_ms is null or duration_ns >= cast(min_duration_ms as bigint) * 1000000)
    and (min_cost_usd is null or effective_cost_usd >= cast(min_cost_usd as decimal(18, 12)))
    and (min_tokens is null or coalesce(input_tokens, 0) + coalesce(output_tokens, 0) >= cast(min_tokens as bigint))
    and (of_kind is null or case of_kind
        when 'retried' then attempt > 1
        when 'cache_hit' then cache_hit
        when 'truncated' then finish_reason = 'length'
        when 'streamed' then stream
        when 'tool_calls' then tool_calls > 0
        when 'unpriced' then cost_status in ('unpriced_model', 'unpriced_unit', 'conflict')
        when 'estimated' then cost_estimated
        when 'doubtful' then doubt is not null
    end)
    and (only_name is null or coalesce(only_value, '') = coalesce(dimension_value(
        only_name, coalesce(attributed_tenant_id, tenant_id), user_id, session_id, feature, environment, model_answered, model_requested,
        provider, service_name, prompt_name, agent_name, emitter, dims
    ), ''))
    and (attribute is null or case
        when attribute_value is null
            then json_exists(attributes, json_pointer(attribute)) or json_exists(resource, json_pointer(attribute))
        -- Reading JSON is what such a search costs (0.7 us a call): once for nearly every row, and more where this may be it.
        else (
            json_extract_string(attributes, json_pointer(attribute))
                in (attribute_value, '(in response_id)', '(in session_id)', '(in user_id)', '(in tenant_id)')
            or json_extract_string(resource, json_pointer(attribute)) = attribute_value
        ) and attribute_text(attribute, attributes, resource, response_id, session_id, user_id, tenant_id) = attribute_value
    end);
