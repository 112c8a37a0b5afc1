-- purpose: Store the settled, charged spans of this commit.
-- input: `fresh`, `charged`. The official charge rides on the span, so that no page joins for it.
insert into spans by name
select
    fresh.*,
    charged.cost_status,
    charged.cost_estimated,
    charged.list_cost_usd,
    charged.effective_cost_usd,
    charged.saved_cost_usd,
    charged.rate_card
from fresh
left join charged
    on charged.project = fresh.project
    and charged.trace_id = fresh.trace_id
    and charged.span_id = fresh.span_id
order by fresh.project, fresh.started_at
