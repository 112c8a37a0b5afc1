-- The results of both sides of an eval run (`arm`), with what their calls cost. A run is compared with the run that is asked for,
-- else with the one that its newest verdict names, else with its own baseline arm. Costs are with the calls: where a run has no
-- calls in the store its cost is not known.
create or replace macro compared_answers(of_project, of_run, against_run, of_metric) as table
with compared as (
    select coalesce(against_run, (
        select baseline_run_id
        from verdicts
        where project = of_project
            and run_id = of_run
        qualify row_number() over (order by decided_at desc, verdict_id desc) = 1
    )) as baseline_run_id
),

answers as (
    select
        case when results.run_id = of_run and results.variant = 'candidate' then 'candidate' else 'baseline' end as arm,
        results.*
    from results
    cross join compared
    where results.project = of_project
        and (of_metric is null or results.metric = of_metric)
        and (
            (results.run_id = of_run and results.variant = 'candidate')
            or (results.run_id = of_run and compared.baseline_run_id is null)
            or (results.run_id = compared.baseline_run_id and results.run_id <> of_run and results.variant = 'candidate')
        )
),

costs as (
    select
        replace(cast(trace_id as varchar), '-', '') as trace_id,
        printf('%016x', span_id) as span_id,
        effective_cost_usd
    from spans
    where project = of_project
        and role = 'call'
        and trace_id in (select try_cast(trace_id as uuid) from answers)
)

select answers.*, costs.effective_cost_usd
from answers
left join costs on costs.trace_id = answers.trace_id and costs.span_id = answers.span_id;
