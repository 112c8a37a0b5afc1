-- Latencies in buckets that grow by 4.4 % (16 to a doubling), and the middle of a bucket: at most 2.2 % from any duration in it.
create or replace macro latency_bucket(duration_ns) as
    case when duration_ns >= 1 then cast(floor(log2(duration_ns) * 16) as bigint) else 0 end;

create or replace macro latency_of_bucket(bucket) as cast(round(pow(2, (bucket + 0.5) / 16)) as bigint);
