-- purpose: Every exchange rate that was ever recorded.
-- column fx_key text: the writer's own id of the record
-- column currency text: what is converted to USD
-- column usd_per_unit ratio: USD for one unit of the currency
-- column valid_from utc: it holds from then on, until the next rate of the currency begins
-- column source text: where it is from
-- column recorded_at utc: when it was recorded
-- column recorded_by text: by whom
select
    fx_key,
    currency,
    usd_per_unit,
    valid_from,
    source,
    recorded_at,
    recorded_by
from fx_rates
where $scope is not null -- exchange rates are of no project
order by recorded_at, fx_key
