-- purpose: What the erasure of a tenant or a user would remove now, in rows per table.
-- param tenant text optional: the tenant to erase
-- param user text optional: the user to erase
-- column table_name name: the table
-- column n_rows rows: rows that would go; of charges and corrections, rows whose amounts would be put together without their ids
with erased as materialized (
    from erasure_spans($scope, $tenant, $user)
),
whole as (
    select distinct trace_id from erased where whole_trace
),
-- A metric point has no column for its user, and a log record may carry another id of them: any attribute counts.
metric_points_of as (
    select count(*) as n
    from metric_points
    where
        project = $scope
        and (
            tenant_id = $tenant
            or list_contains(json_extract_string(attributes, '$.*'), $user)
            or list_contains(json_extract_string(resource, '$.*'), $user)
        )
),
log_records_of as (
    select count(*) as n
    from log_records
    where
        project = $scope
        and (
            tenant_id = $tenant
            or user_id = $user
            or list_contains(json_extract_string(attributes, '$.*'), $user)
            or list_contains(json_extract_string(resource, '$.*'), $user)
            or trace_id in (select trace_id from whole)
            or (trace_id, span_id) in (select (trace_id, span_id) from erased)
        )
),
contents_of as (
    select count(*) as n
    from contents
    where
        project = $scope
        and (
            trace_id in (select trace_id from whole)
            or (trace_id, span_id) in (select (trace_id, span_id) from erased)
        )
),
scores_of as (
    select count(*) as n
    from scores
    where
        project = $scope
        and (
            trace_id in (select trace_id from whole)
            or (trace_id, span_id) in (select (trace_id, span_id) from erased)
            or response_id in (select response_id from erased where response_id is not null)
        )
),
corrections_of as (
    select count(*) as n
    from corrections
    where
        project = $scope
        and (tenant_id = $tenant or (trace_id, span_id) in (select (trace_id, span_id) from erased))
),
tenants_of as (
    select count(*) as n
    from tenants
    where project = $scope and tenant_id = $tenant
),
-- With a rule go those that withdraw it.
rules_naming as (
    select rule_id
    from attribution_rules
    where
        project = $scope
        and (
            tenant_id = $tenant
            or (dimension = 'tenant_id' and dimension_value = $tenant)
            or (dimension = 'user_id' and dimension_value = $user)
        )
),
rules_of as (
    select count(*) as n
    from attribution_rules
    where
        project = $scope
        and (rule_id in (select rule_id from rules_naming) or withdraws in (select rule_id from rules_naming))
),
budgets_of as (
    select count(*) as n
    from budgets
    where
        project = $scope
        and (
            (dimension = 'tenant_id' and dimension_value = $tenant)
            or (dimension = 'user_id' and dimension_value = $user)
        )
),
saved_of as (
    select count(*) as n
    from saved
    where
        project = $scope
        and (
            saved_names(name, address, statement, $tenant)
            or saved_names(name, address, statement, $user)
        )
),
charges_of as (
    select count(*) as n
    from charges
    where
        project = $scope
        and (trace_id, span_id) in (select (trace_id, span_id) from erased)
)
select 'spans' as table_name, (select count(*) from erased) as n_rows
union all
select 'contents', n from contents_of
union all
select 'log_records', n from log_records_of
union all
select 'metric_points', n from metric_points_of
union all
select 'scores', n from scores_of
union all
select 'tenants', n from tenants_of
union all
select 'attribution_rules', n from rules_of
union all
select 'budgets', n from budgets_of
union all
select 'saved', n from saved_of
union all
select 'charges', n from charges_of
union all
select 'corrections', n from corrections_of
