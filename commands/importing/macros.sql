-- How texts of a file are read. Every macro gives NULL for what it cannot read; the projection compares with the text
-- to tell "not there" from "not readable". Needs `set timezone = 'UTC'`: times without a zone are UTC.

-- A value that says something: trimmed, and not one of the words that exports write for nothing.
create macro said(x) as
    case when lower(trim(x)) in ('', 'null', 'none', 'nan', 'undefined', '\n') then null else trim(x) end;

-- A document. Some writers double the quotes of a document twice, which leaves one doubling behind.
create macro document_of(x) as
    case
        when json_valid(x) then x
        when json_valid(replace(x, '""', '"')) then replace(x, '""', '"')
    end;

create macro number_of(x) as try_cast(x as double);

-- From here on `n` is number_of(x), asked for once: macros are written out where they are used, and planning a file of
-- forty columns took most of a second while each of them cast its text a dozen times.
create macro finite_of(n) as case when abs(n) < 1e300 then n end;

-- 2**53: beyond it a double no longer counts. 12.0 is a count, 12.5 is not.
create macro count_of(n) as case when n between 0 and 9007199254740992 and n = floor(n) then n::bigint end;

create macro flag_of(x) as
    case
        when lower(x) in ('true', 't', 'yes', 'y', '1') then true
        when lower(x) in ('false', 'f', 'no', 'n', '0') then false
    end;

-- Microseconds since 1970, of a time as text or of a number, whose size tells seconds, milli-, micro- and nanoseconds
-- apart. Only nanoseconds have more digits than a double.
create macro us_of(x, n) as
    case
        when n is null then epoch_us(try_cast(x as timestamptz))
        when n < 0 then null
        when n < 1e11 then round(n * 1e6)::bigint
        when n < 1e14 then round(n * 1e3)::bigint
        when n < 1e17 then round(n)::bigint
        else coalesce(try_cast(x as bigint) // 1_000, try_cast(round(n / 1e3) as bigint))
    end;

-- Only times that a model call can have: 2000 to 2100.
create macro likely_time(us) as case when us between 946_684_800_000_000 and 4_102_444_800_000_000 then us end;

-- A duration as nanoseconds; `scale` is how many of them its unit has. Not negative, and less than ten years.
create macro ns_of(n, scale) as case when n between 0 and 3.2e17 / scale then round(n * scale)::bigint end;

-- What failed, in the words that exports use.
create macro is_failure(x) as
    lower(x) in ('error', 'failed', 'failure', 'err', 'exception', 'cancelled', 'timeout');
