-- The spans that the erasure of one tenant or one user takes (the other is NULL); `whole_trace` where nothing of
-- the trace is left. Used by the erasure itself and by the query that shows it before.
--
-- A tenant's trace also holds spans that name no tenant (the web request around the call, a tool). They go with it,
-- unless the trace holds another tenant's spans as well: then only what names the erased one goes. The same for a
-- user, whose sessions count as theirs when no other user has a span in them. Of a tenant are the spans whose telemetry
-- names it and the calls that a rule gives it.
create or replace macro erasure_spans(of_project, of_tenant, of_user) as table
with own as (
    select day, trace_id, span_id, session_id
    from spans
    where project = of_project and (tenant_id = of_tenant or attributed_tenant_id = of_tenant or user_id = of_user)
),
own_sessions as (
    select session_id
    from spans
    where project = of_project and of_user is not null and session_id in (select session_id from own)
    group by session_id
    having not bool_or(coalesce(user_id <> of_user, false))
),
named as (
    select trace_id, span_id from own
    union
    select trace_id, span_id
    from spans
    where project = of_project and user_id is null and session_id in (select session_id from own_sessions)
),
own_traces as (
    select trace_id
    from spans
    where project = of_project and trace_id in (select trace_id from named)
    group by trace_id
    having not bool_or(coalesce(
        coalesce(attributed_tenant_id, tenant_id) <> of_tenant and coalesce(tenant_id <> of_tenant, true),
        user_id <> of_user,
        false
    ))
)
select
    day,
    trace_id,
    span_id,
    response_id,
    trace_id in (select trace_id from own_traces) as whole_trace
from spans
where
    project = of_project
    and (
        trace_id in (select trace_id from own_traces)
        or exists (select 1 from named where named.trace_id = spans.trace_id and named.span_id = spans.span_id)
    );
