-- purpose: Everything ever recorded about one tenant, the latest beginning first.
-- param tenant_id text: the tenant
-- column valid_from time: from when on it holds; NULL = from the beginning
-- column name text: NULL = this record does not say it
-- column owner text: NULL = this record does not say it; empty = no more
-- column cost_centre text: NULL = this record does not say it; empty = no more
-- column plan text: NULL = this record does not say it; empty = no more
-- column billed_to text: us or customer; NULL = this record does not say it
-- column note text: why
-- column received_at time: when it was recorded
-- column recorded_by text: by whom
-- column tenant_key text: the record's own id
select valid_from, name, owner, cost_centre, plan, billed_to, note, received_at, recorded_by, tenant_key
from tenants
where project = $scope
    and tenant_id = $tenant_id
order by valid_from desc nulls last, received_at desc, tenant_key desc
