-- purpose: Store the settled, charged spans of this commit.
-- input: `settled`, `dropped`, `charged`. The official charge rides on the span, so that no page joins for it.
-- In order of arrival: sorting a batch would prune nothing, it is a fraction of a row group.
insert into spans by name
select
    settled.* exclude (row),
    charged.cost_status,
    charged.cost_estimated,
    charged.list_cost_usd,
    charged.effective_cost_usd,
    charged.saved_cost_usd,
    charged.rate_card
from settled
left join charged
    on charged.project = settled.project
    and charged.trace_id = settled.trace_id
    and charged.span_id = settled.span_id
where settled.row not in (select row from dropped)
