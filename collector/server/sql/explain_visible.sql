-- purpose: Of a call's card and agreement those that the caller may see.
-- input: $rate_cards (list of ids), $agreement.
select rate_card as name
from rate_cards
where list_contains($rate_cards, rate_card)
union
select agreement
from agreements
where agreement = $agreement
