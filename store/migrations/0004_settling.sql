-- What settling did to a span, so that it can be done again when more of its trace comes, and explained.
alter table spans add column sources_id varchar; -- which attribute gave each column: a row of span_sources
alter table spans add column as_sent json;       -- what the span alone said, of the columns that other spans changed
alter table spans add column doubt varchar;      -- why the row may be counted twice; NULL = no doubt

-- Which place gave each column of a span, as JSON: all spans of one emitter that say the same things share a text.
create table span_sources (
    sources_id varchar,   -- a hash of the text; text itself, because few distinct texts take next to no room
    sources varchar
);
