-- purpose: Store those of these texts that are not stored yet.
-- input: `named` (sources_id, sources).
insert into span_sources by name
select *
from named
where not exists (select 1 from span_sources as stored where stored.sources_id = named.sources_id)
