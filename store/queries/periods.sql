-- purpose: The months of a project: open or closed, what a closed one came to when it was closed, and what was found since.
-- param month date optional: only this one (its first day)
-- column month date: its first day, UTC
-- column status text: open or closed
-- column recorded_at utc: when it was closed, or opened again; NULL = it never was
-- column recorded_by text: by whom
-- column note text: why
-- column n_calls calls: when it was closed; NULL = it is open
-- column list_cost_usd usd: at list prices, when it was closed
-- column effective_cost_usd usd: as we pay it, when it was closed
-- column price_book text: the shipped prices of that time
-- column n_calls_now calls: by now
-- column list_cost_now_usd usd: at list prices, by now
-- column effective_cost_now_usd usd: as we pay it, by now: another than when it was closed where calls came late
-- column n_unpriced_now calls: by now, with usage that no price was found for
-- column n_corrections calls: of earlier closed months, whose differences this month carries
-- column correction_usd usd: what those come to (effective); NULL = none
-- column corrected_usd usd: what other months carry for calls of this one (effective); NULL = nothing
with said as (
    select
        month,
        arg_max(status, (recorded_at, period_key)) as status,
        arg_max(period_key, (recorded_at, period_key)) as period_key
    from periods
    where project = $scope and recorded_at is not null
    group by month
),
calls_of as (
    select
        cast(date_trunc('month', started_at) as date) as month,
        cast(count(*) as bigint) as n_calls,
        cast(sum(list_cost_usd) as decimal(38, 12)) as list_cost_usd,
        cast(sum(effective_cost_usd) as decimal(38, 12)) as effective_cost_usd,
        cast(count(*) filter (cost_status in ('unpriced_model', 'unpriced_unit', 'conflict')) as bigint) as n_unpriced
    from calls
    where project = $scope
        and ($month is null or started_at >= $month and started_at < cast($month as date) + interval 1 month)
    group by 1
),
carried as (
    select
        booked_month as month,
        cast(count(distinct (pricing_run, trace_id, span_id)) as bigint) as n_calls,
        cast(sum(effective_delta_usd) as decimal(38, 12)) as effective_delta_usd
    from corrections
    where project = $scope
    group by booked_month
),
carried_elsewhere as (
    select cast(date_trunc('month', day) as date) as month, cast(sum(effective_delta_usd) as decimal(38, 12)) as effective_delta_usd
    from corrections
    where project = $scope
    group by 1
),
months as (
    select month from said
    union
    select month from calls_of
    union
    select month from carried
)

select
    months.month,
    coalesce(said.status, 'open') as status,
    periods.recorded_at,
    periods.recorded_by,
    periods.note,
    case when said.status = 'closed' then periods.n_calls end as n_calls,
    case when said.status = 'closed' then periods.list_cost_usd end as list_cost_usd,
    case when said.status = 'closed' then periods.effective_cost_usd end as effective_cost_usd,
    case when said.status = 'closed' then periods.price_book end as price_book,
    coalesce(calls_of.n_calls, 0) as n_calls_now,
    calls_of.list_cost_usd as list_cost_now_usd,
    calls_of.effective_cost_usd as effective_cost_now_usd,
    coalesce(calls_of.n_unpriced, 0) as n_unpriced_now,
    coalesce(carried.n_calls, 0) as n_corrections,
    carried.effective_delta_usd as correction_usd,
    carried_elsewhere.effective_delta_usd as corrected_usd
from months
left join said using (month)
left join periods on periods.period_key = said.period_key and periods.project = $scope
left join calls_of using (month)
left join carried using (month)
left join carried_elsewhere using (month)
where $month is null or months.month = $month
order by months.month desc
