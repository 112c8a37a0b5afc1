-- What an erasure removed, and when it was gone from the file too. Whom it was about is kept as a salted hash
-- only: the receipt of a person's erasure must not be the last place that names them.

alter table erasures add column subject_sha256 varchar;  -- hex of SHA-256(erasure id, scope, the id that was erased)
alter table erasures add column removed json;            -- table -> rows removed; charges: rows put together
alter table erasures add column copies json;             -- backups and exports of that moment: they still hold the rows
alter table erasures add column applied_at timestamp;    -- since then no query shows the rows
alter table erasures add column physically_removed_at timestamp;  -- since then the store's file does not hold them
