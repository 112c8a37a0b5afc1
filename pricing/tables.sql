-- The price tables: dated cards and their unit rates.
-- Portable to DuckLake (no key, index, enum or default); uniqueness is the writer's: one row per rate_card, and per
-- (rate_card, unit, tier_from_tokens). Rows are added, never updated in place.

create table if not exists rate_cards (
    rate_card varchar,         -- model key, variant and first day: 'openai/gpt-4o@1970-01-01', 'openai/gpt-5+flex@2026-10-12'
    model_key varchar,         -- what Book.resolve_call answers: 'openai/gpt-4o', resold 'azure/openai/gpt-4o'
    provider varchar,          -- who bills: the book's name ('openai', 'azure', 'google', ...)
    model varchar,             -- the book's model name, without the provider
    variant varchar,           -- 'standard', or the service tier that has its own prices: batch, flex, priority, fast
    currency varchar,          -- of the rates; 'USD' for every compiled book
    valid_from timestamp,      -- UTC, inclusive; 1970-01-01 when the source does not date the price
    valid_to timestamp,        -- UTC, exclusive; NULL = still valid
    estimated_because varchar, -- NULL, or why a cost from this card is an estimate
    source varchar,            -- the vendor's pricing page
    source_version varchar,    -- what it was compiled from: 'genai-prices 0.2.3'
    checked_on date,
    recorded_at timestamp,     -- UTC, when the row was stored
    recorded_by varchar
);

create table if not exists rates (
    rate_card varchar,
    unit varchar,              -- uncached_input, cached_input, cache_write, cache_write_1h, output, reasoning, audio_input,
                               -- audio_output: tokens; request: calls
    tier_from_tokens bigint,   -- 0 = base; otherwise replaces it when the call's total input exceeds this many tokens
    usd_per_million decimal(18, 6)  -- USD per million of the unit (requests too)
);
