-- Whether something saved names this tenant or user: as a value of its address, in quotes in its SELECT, or as a word of its name.
create or replace macro saved_names(name, address, statement, subject) as (
    coalesce(list_contains(json_extract_string(address, '$.*'), subject), false)
    or coalesce(contains(statement, '''' || replace(subject, '''', '''''') || ''''), false)
    or coalesce(name = subject, false)
    or coalesce(list_contains(string_split_regex(name, '[\s,:;()/]+'), subject), false)
);
