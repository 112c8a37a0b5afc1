-- purpose: Rows of a new dimension for the hours that were aggregated before any call had it: there all calls are without it.
insert into rollup_hours by name
select * replace ($dimension as dimension)
from rollup_hours
where project = $project and dimension = ''
