-- purpose: Store the new spans of this commit, each with its official charge, which rides on the span so that no page
-- joins for it.
-- input: `incoming`, settled spans with the columns of the table; `charged`.
-- In order of arrival: sorting a batch would prune nothing, it is a part of a row group.
insert into spans by name
select
    incoming.* exclude (reported_cost_usd),
    try_cast(incoming.reported_cost_usd as decimal(18, 12)) as reported_cost_usd,
    charged.cost_status,
    charged.cost_estimated,
    charged.list_cost_usd,
    charged.effective_cost_usd,
    charged.saved_cost_usd,
    charged.rate_card,
    charged.billed_to,
    charged.agreement
from incoming
left join charged
    on charged.project = incoming.project
    and charged.trace_id = incoming.trace_id
    and charged.span_id = incoming.span_id
