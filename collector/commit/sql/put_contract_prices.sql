-- purpose: Let what was agreed on decide about the effective cost, where the call has a list price.
-- input: `charged`, by list prices; `charged_by_contract`, some of its calls by the prices of contracts.
create or replace temp table charged as
select
    charged.* replace (
        case when contract.is_agreed then contract.effective_cost_usd else charged.effective_cost_usd end as effective_cost_usd,
        case when contract.is_agreed then contract.agreement else charged.agreement end as agreement,
        case when contract.is_agreed then contract.agreement_multiplier else charged.agreement_multiplier end
            as agreement_multiplier
    )
from charged
left join (
    select project, trace_id, span_id, effective_cost_usd, agreement, agreement_multiplier, true as is_agreed
    from charged_by_contract
    where effective_cost_usd is not null
) as contract
    on contract.project = charged.project
    and contract.trace_id = charged.trace_id
    and contract.span_id = charged.span_id
    and charged.effective_cost_usd is not null
