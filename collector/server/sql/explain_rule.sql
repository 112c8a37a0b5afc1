-- purpose: The rule that says whom a call is for, as it was recorded; also when it was withdrawn since.
-- input: $project, $rule_id.
select
    rule.rule_id,
    rule.tenant_id,
    rule.dimension,
    coalesce(rule.dimension_value, '') as dimension_value,
    rule.valid_from,
    rule.valid_to,
    rule.note,
    rule.recorded_at,
    rule.recorded_by,
    exists (
        select 1
        from attribution_rules as later
        where later.project = $project and later.withdraws = rule.rule_id
    ) as is_withdrawn
from attribution_rules as rule
where rule.project = $project and rule.rule_id = $rule_id
