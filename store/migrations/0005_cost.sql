-- What the right price of a call depends on, and what decided about it.

alter table spans add column image_input_tokens bigint;        -- of the input
alter table spans add column image_output_tokens bigint;       -- of the output
alter table spans add column cached_audio_input_tokens bigint; -- of the cached and of the audio input
alter table spans add column web_searches bigint;              -- run by the provider for this call and billed apart
alter table spans add column usage_confidence varchar;         -- rule | arithmetic | convention: how `usage_semantics` is known
alter table spans add column key_owner varchar;                -- us | customer, as telemetry said it; NULL = not said
alter table spans add column billed_to varchar;                -- us | customer: whose account the provider bills, decided with the charge
alter table spans add column attributed_tenant_id varchar;     -- whom a rule says it was for; before `tenant_id` where there is one
alter table spans add column attributed_by varchar;            -- that rule
alter table spans add column agreement varchar;                -- the agreement that `effective_cost_usd` rests on; NULL = list price

alter table charges add column image_input_usd decimal(18, 12);
alter table charges add column image_output_usd decimal(18, 12);
alter table charges add column cached_audio_input_usd decimal(18, 12);
alter table charges add column web_searches_usd decimal(18, 12);
alter table charges add column reported_cost_usd decimal(18, 12);
alter table charges add column region_multiplier decimal(9, 6);  -- within the list price; NULL = none
alter table charges add column agreement varchar;
alter table charges add column agreement_multiplier decimal(9, 6);
alter table charges add column fx_rate decimal(18, 9);           -- USD for one unit of the card's currency; NULL = the card is in USD
alter table charges add column fx_source varchar;
alter table charges add column billed_to varchar;
alter table charges add column price_book varchar;               -- version of the book that was charged with

-- Cards are never changed: a correction is another row with the same model, variant and validity, recorded later.
alter table rate_cards add column card_key varchar;              -- the writer's own id of this row: recorded once
alter table rate_cards add column layer varchar;                 -- snapshot | import | override (list prices, the last first) | agreement
alter table rate_cards add column model_provider varchar;        -- whose model it is, when another host bills for it
alter table rate_cards add column name_pattern varchar;          -- names in telemetry that mean this model, beside those the books know; `*` at its end
alter table rate_cards add column from_minute bigint;            -- of the UTC day: the card holds from this minute of each day ...
alter table rate_cards add column to_minute bigint;              -- ... up to this one (may be the smaller: past midnight); NULL = all day
alter table rate_cards add column region_multipliers json;       -- {"us": "1.1"}: what every amount is multiplied by in a region
alter table rate_cards add column note varchar;
alter table rate_cards add column held_because varchar;          -- not in force until approved, and why
alter table rate_cards add column approves varchar;              -- the held card that this one puts in force
alter table rate_cards add column withdraws varchar;             -- this row says that the card named here never counts any more

-- Rates in the currency of their card.
create table rates_again (
    rate_card varchar,
    unit varchar,              -- pricing/units.py
    tier_from_tokens bigint,   -- 0 = base; otherwise replaces it when the call's total input exceeds this many tokens
    per_million decimal(18, 6) -- for a million of the unit, in the card's currency
);
insert into rates_again by name select rate_card, unit, tier_from_tokens, usd_per_million as per_million from rates;
drop table rates;
alter table rates_again rename to rates;

-- What we pay differs from the list price by these.
create table agreements (
    agreement_key varchar,
    agreement varchar,           -- its name
    provider varchar,            -- the book's name; NULL = every provider
    model_key varchar,           -- NULL = every model
    tenant_id varchar,           -- NULL = every tenant
    multiplier decimal(9, 6),    -- of the list price: 0.85 is 15 % off; NULL = its rates are cards of layer `agreement`
    commitment_usd_per_month decimal(18, 2),
    valid_from timestamp,        -- UTC, inclusive
    valid_to timestamp,          -- UTC, exclusive; NULL = open
    source varchar,
    note varchar,
    withdraws varchar,
    recorded_at timestamp,
    recorded_by varchar
);

create table fx_rates (
    fx_key varchar,
    currency varchar,
    usd_per_unit decimal(18, 9),
    valid_from timestamp,        -- UTC: until the next one of this currency begins
    source varchar,
    recorded_at timestamp,
    recorded_by varchar
);

-- Whom our user bills or serves: dated records. Of every field the record that began last counts, of two that began together
-- the later one; NULL = not said. Tenants that only telemetry names have none.
create table tenants (
    project varchar,
    received_at timestamp,
    tenant_key varchar,
    tenant_id varchar,
    valid_from timestamp,
    name varchar,
    owner varchar,
    cost_centre varchar,
    plan varchar,
    billed_to varchar,           -- us | customer: whose provider account their calls are billed to; NULL = us
    note varchar,
    recorded_at timestamp,
    recorded_by varchar
);

-- Calls that belong to a tenant whatever their telemetry says.
create table attribution_rules (
    project varchar,
    received_at timestamp,
    rule_id varchar,
    tenant_id varchar,           -- whom the calls are for
    dimension varchar,           -- where this dimension ...
    dimension_value varchar,     -- ... has this value (empty = none)
    valid_from timestamp,        -- calls that started from here on ...
    valid_to timestamp,          -- ... up to here
    withdraws varchar,           -- a rule that no longer counts
    note varchar,
    recorded_at timestamp,
    recorded_by varchar
);

-- A repricing: what was asked. What it changed are the charges and corrections of this run.
create table pricing_runs (
    project varchar,
    received_at timestamp,
    pricing_run varchar,
    scope json,
    note varchar,
    requested_by varchar,
    requested_at timestamp,
    finished_at timestamp,       -- NULL = under way
    n_calls bigint,              -- looked at
    n_changed bigint,            -- charged anew
    n_corrected bigint           -- of closed months: a correction each
);

-- A month that was closed keeps its charges; what a repricing finds is booked as a difference in an open month.
create table periods (
    project varchar,
    received_at timestamp,
    period_key varchar,
    month date,
    status varchar,              -- closed | open (again)
    n_calls bigint,
    list_cost_usd decimal(38, 12),
    effective_cost_usd decimal(38, 12),
    price_book varchar,
    note varchar,
    recorded_at timestamp,
    recorded_by varchar
);

create table corrections (
    project varchar,
    pricing_run varchar,
    day date,                    -- of the call, in the closed month
    booked_month date,           -- the open month that carries the difference
    trace_id uuid,
    span_id ubigint,
    tenant_id varchar,
    provider varchar,
    model varchar,
    cost_status varchar,         -- what it would be now
    rate_card varchar,
    list_delta_usd decimal(18, 12),
    effective_delta_usd decimal(18, 12),
    recorded_at timestamp
);
