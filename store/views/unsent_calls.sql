-- How many calls a stored one stands for, beyond itself: 9 at a sampling rate of 0.1, NULL when it was not sampled or nothing
-- is known of it. DECIMAL, so that an estimate in dollars stays one. A rate below one in a million counts as that: what a
-- sender claims must not overflow the sum of a month.
create or replace macro unsent_calls(sampling_rate) as
    case
        when sampling_rate > 0 and sampling_rate < 1
            then cast(least(1 / sampling_rate, 1000000) - 1 as decimal(18, 6))
    end;
