-- purpose: The repricings of a project, the newest first: what was asked, by whom, and what became of it.
-- param pricing_run text optional: only this one
-- column pricing_run text: its id, as `charges` and `corrections` carry it
-- column requested_at utc: when it was asked for; prices count as they were known then
-- column requested_by text: by whom
-- column note text: why; or what stopped it
-- column scope json: which calls it was about; {} = all
-- column finished_at utc: when it was done; NULL = it is under way
-- column n_calls calls: looked at; NULL = under way, or stopped
-- column n_changed calls: charged or attributed anew
-- column n_corrected calls: of closed months, whose difference was booked in an open one
-- column list_delta_usd usd: what those corrections come to at list prices
-- column effective_delta_usd usd: and what they come to as we pay it
with booked as (
    select
        pricing_run,
        cast(sum(list_delta_usd) as decimal(38, 12)) as list_delta_usd,
        cast(sum(effective_delta_usd) as decimal(38, 12)) as effective_delta_usd
    from corrections
    where project = $scope and ($pricing_run is null or pricing_run = $pricing_run)
    group by pricing_run
)

select
    pricing_run,
    requested_at,
    requested_by,
    note,
    scope,
    finished_at,
    n_calls,
    n_changed,
    n_corrected,
    list_delta_usd,
    effective_delta_usd
from pricing_runs
left join booked using (pricing_run)
where project = $scope and ($pricing_run is null or pricing_run = $pricing_run)
order by requested_at desc, pricing_run
