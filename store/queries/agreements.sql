-- purpose: Everything that was ever recorded about what we pay of the list price.
-- column agreement_key text: the writer's own id of the record
-- column agreement text: its name
-- column provider text: whose prices it is about; NULL = every provider's
-- column model_key text: the model it is about; NULL = every model
-- column tenant_id text: whose calls it is about; NULL = everybody's
-- column multiplier ratio: of the list price: 0.85 is 15 % off; NULL = its rates are cards of layer agreement
-- column commitment_usd_per_month usd_per_month: what is paid in any case
-- column valid_from utc: it holds from then on ...
-- column valid_to utc: ... up to then; NULL = open
-- column source text: the contract
-- column note text: what was said about it
-- column withdraws text: this row says that the record or agreement named here no longer counts
-- column recorded_at utc: when it was recorded
-- column recorded_by text: by whom
select
    agreement_key,
    agreement,
    provider,
    model_key,
    tenant_id,
    multiplier,
    commitment_usd_per_month,
    valid_from,
    valid_to,
    source,
    note,
    withdraws,
    recorded_at,
    recorded_by
from agreements
where $scope is not null -- agreements are of no project
order by recorded_at, agreement_key
