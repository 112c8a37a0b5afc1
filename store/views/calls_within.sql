-- `calls_by` of one project with the filters that every page has: a half-open window (NULL = no bound), and one tenant, model,
-- environment and prompt (NULL = all, empty text = calls without one).
create or replace macro calls_within(
    of_project, from_time, to_time, of_tenant, of_model, of_environment, of_prompt, only_name, only_value, by_name, then_name
) as table
select *
from calls_by(by_name, then_name, only_name, only_value)
where project = of_project
    and (from_time is null or started_at >= cast(from_time as timestamp))
    and (to_time is null or started_at < cast(to_time as timestamp))
    and (of_tenant is null or coalesce(tenant_id, '') = of_tenant)
    and (of_model is null or coalesce(model_answered, model_requested, '') = of_model)
    and (of_environment is null or coalesce(environment, '') = of_environment)
    and (of_prompt is null or coalesce(prompt_name, '') = of_prompt);
