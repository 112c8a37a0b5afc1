-- purpose: The stored calls that a repricing is about (store/pricing_scope.py); a condition of NULL holds for every call.
-- A call that came after `known_at` was charged by what was known then, or later: it is not for this repricing to change.
create or replace temp macro calls_in_scope(
    of_project, since, before, known_at, of_provider, of_model, model_prefix, of_tenant, statuses
) as table
select *, coalesce(model_answered, model_requested) as model
from spans
where project = of_project
    and role = 'call'
    and received_at <= known_at
    and (since is null or started_at >= since)
    and (before is null or started_at < before)
    and (of_provider is null or provider = of_provider or host_provider = of_provider)
    and (of_model is null or coalesce(model_answered, model_requested) = of_model)
    and (model_prefix is null or starts_with(coalesce(model_answered, model_requested), model_prefix))
    and (of_tenant is null or coalesce(attributed_tenant_id, tenant_id, '') = of_tenant)
    and (statuses is null or list_contains(cast(statuses as varchar[]), cost_status))
