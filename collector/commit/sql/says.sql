-- purpose: A hash of what a body of a span says, to choose between two that are equal in all else.
-- The same whatever batch it came in: the members of `attributes` stand in the order that a batch happens to give them.
create or replace temp macro says(span_name, duration_ns, failed, attributes, events) as md5(concat_ws(
    chr(31),
    span_name,
    duration_ns,
    failed,
    list_sort(string_split(substring(attributes, 2, length(attributes) - 2), ',')),
    events
))
