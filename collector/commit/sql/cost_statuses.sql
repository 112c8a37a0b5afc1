-- purpose: How many of this commit's calls have each cost_status; all of them are new.
-- input: `charged`.
select cost_status, count(*)
from charged
group by cost_status
