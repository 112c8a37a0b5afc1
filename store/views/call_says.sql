-- Whether a call is of this id, or says this text somewhere: in its span's name, its error, its attributes or its resource
-- (capitals count). What is a whole trace or span id is not looked for as text: to read every attribute takes many times as long.
create or replace macro call_says(
    wanted, trace_id, span_id, request_id, response_id, session_id, user_id, span_name, error_type, attributes, resource
) as case
    when regexp_full_match(wanted, '[0-9a-fA-F]{32}|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}')
        then trace_id = try_cast(wanted as uuid)
    when regexp_full_match(wanted, '[0-9a-fA-F]{16}')
        then span_id = try_cast('0x' || wanted as ubigint) or response_id = wanted or session_id = wanted or user_id = wanted or request_id = wanted
    else coalesce(response_id = wanted, false)
        or coalesce(session_id = wanted, false)
        or coalesce(user_id = wanted, false)
        or coalesce(request_id = wanted, false)
        or contains(coalesce(span_name, ''), wanted)
        or contains(coalesce(error_type, ''), wanted)
        or contains(coalesce(cast(attributes as varchar), ''), wanted)
        or contains(coalesce(cast(resource as varchar), ''), wanted)
end;
