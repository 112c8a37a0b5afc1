-- purpose: Which of these texts are stored.
-- input: `named` (sources_id, sources).
select distinct sources_id
from span_sources
where sources_id in (select sources_id from named)
