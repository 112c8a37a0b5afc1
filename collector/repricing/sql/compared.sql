-- purpose: Of each call of a piece what it is charged and what it would be, and whether that is a change to the call itself.
-- input: `piece`; `charged`, the same calls charged anew; `piece_months` (month, is_closed, booked_month).
-- A call that was charged by more than was known at $known_at is left alone; what this run did already, before a crash, is done.
create or replace temp table compared as
with earlier as (
    select
        charges.trace_id,
        charges.span_id,
        max(charges.seq) as seq,
        arg_max(charges.recorded_at, charges.seq) as recorded_at,
        arg_max(charges.pricing_run, charges.seq) as pricing_run
    from charges
    join piece
        on charges.day = piece.day
        and charges.project = piece.project
        and charges.trace_id = piece.trace_id
        and charges.span_id = piece.span_id
    where charges.project = $project and charges.day between cast($began_at as date) and cast($ended_at as date)
    group by charges.trace_id, charges.span_id
),
runs as (
    select pricing_run, max(greatest(received_at, requested_at)) as known_at
    from pricing_runs
    where project = $project
    group by pricing_run
)
select
    piece.row,
    piece.project,
    piece.day,
    piece.trace_id,
    piece.span_id,
    piece.provider,
    piece.model,
    coalesce(piece.was_attributed_tenant_id, piece.tenant_id) as tenant_before,
    coalesce(piece.attributed_tenant_id, piece.tenant_id) as tenant_after,
    piece.attributed_tenant_id,
    piece.attributed_by,
    piece.was_list_cost_usd as list_before_usd,
    piece.was_effective_cost_usd as effective_before_usd,
    charged.list_cost_usd as list_after_usd,
    charged.effective_cost_usd as effective_after_usd,
    charged.cost_status,
    charged.rate_card,
    piece_months.is_closed,
    piece_months.booked_month,
    earlier.seq,
    not piece_months.is_closed and (
        charged.cost_status is distinct from piece.was_cost_status
        or coalesce(charged.cost_estimated, false) <> coalesce(piece.was_cost_estimated, false)
        or charged.list_cost_usd is distinct from piece.was_list_cost_usd
        or charged.effective_cost_usd is distinct from piece.was_effective_cost_usd
        or charged.saved_cost_usd is distinct from piece.was_saved_cost_usd
        or charged.rate_card is distinct from piece.was_rate_card
        or charged.agreement is distinct from piece.was_agreement
        -- What was stored before it was told apart was billed to us.
        or coalesce(charged.billed_to, 'us') <> coalesce(piece.was_billed_to, 'us')
        or piece.attributed_tenant_id is distinct from piece.was_attributed_tenant_id
        or piece.attributed_by is distinct from piece.was_attributed_by
    ) as is_different
from piece
join charged
    on charged.project = piece.project
    and charged.trace_id = piece.trace_id
    and charged.span_id = piece.span_id
join piece_months on piece_months.month = date_trunc('month', piece.day)
left join earlier on earlier.trace_id = piece.trace_id and earlier.span_id = piece.span_id
-- A commit charges by all that is known then, a repricing by what was known when it was asked for.
left join runs on runs.pricing_run = earlier.pricing_run
where coalesce(runs.known_at, earlier.recorded_at, $known_at) <= $known_at
    and coalesce(earlier.pricing_run <> cast($pricing_run as varchar), true)
