-- purpose: Store again, with other values, the spans that were taken out.
-- input: `taken_out`; `moved`, the settled columns of each, and whether it is charged anew or no more; `charged`.
insert into spans by name
select
    taken_out.* exclude (
        role, duplicate_of, doubt, request_id, attempt, duration_ns, input_tokens, cached_input_tokens, cache_write_tokens,
        cache_write_1h_tokens, audio_input_tokens, output_tokens, reasoning_tokens, audio_output_tokens, usage_source,
        usage_semantics, operation, provider, model_requested, model_answered, service_tier, stream, ttft_ns, error_class,
        error_type, http_status, finish_reason, safety_decision, cache_hit, run_id, case_id, response_id, tool_calls,
        reported_cost_usd, cached_audio_input_tokens, image_input_tokens, image_output_tokens, web_searches, usage_confidence,
        host_provider, region, key_owner, tenant_id, session_id, user_id, feature, prompt_name, prompt_version, agent_name, dims, as_sent,
        attributed_tenant_id, attributed_by,
        cost_status, cost_estimated, list_cost_usd, effective_cost_usd, saved_cost_usd, rate_card,
        billed_to, agreement
    ),
    moved.* exclude (stored_day, project, trace_id, span_id, reported_cost_usd, is_recharged, new_dims),
    try_cast(moved.reported_cost_usd as decimal(18, 12)) as reported_cost_usd,
    case
        when moved.new_dims is null then taken_out.dims
        when taken_out.dims is null then moved.new_dims
        else map_concat(taken_out.dims, moved.new_dims)
    end as dims,
    case when moved.is_recharged then charged.cost_status else taken_out.cost_status end as cost_status,
    case when moved.is_recharged then charged.cost_estimated else taken_out.cost_estimated end as cost_estimated,
    case when moved.is_recharged then charged.list_cost_usd else taken_out.list_cost_usd end as list_cost_usd,
    case when moved.is_recharged then charged.effective_cost_usd else taken_out.effective_cost_usd end as effective_cost_usd,
    case when moved.is_recharged then charged.saved_cost_usd else taken_out.saved_cost_usd end as saved_cost_usd,
    case when moved.is_recharged then charged.rate_card else taken_out.rate_card end as rate_card,
    case when moved.is_recharged then charged.billed_to else taken_out.billed_to end as billed_to,
    case when moved.is_recharged then charged.agreement else taken_out.agreement end as agreement
from taken_out
join moved using (project, trace_id, span_id)
left join charged using (project, trace_id, span_id)
