"""What of a segment that could not be stored is kept, and for how long."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.privacy.clean import cleaner
from collector.privacy.policy import ContentPolicy
from collector.privacy.redact import Redactor
from collector.spool.quarantine import expire_quarantine, keep, quarantined
from collector.spool.segments import Record, SpoolWriter, encode, read_segment, seal_orphans
from tests import planted
from tests.planted import MARK, Plants
from tests.spans import a_call, export

NOTHING = ContentPolicy(frozenset(), Redactor(()), 1000)
SUPPORT = ContentPolicy(frozenset({"support"}), Redactor(()), 1000)
PROMPT = "gen_ai.input.messages"


def a_segment(spool_dir: Path, *records: Record) -> Path:
    """A sealed segment with these records."""
    writer = SpoolWriter(spool_dir, segment_max_bytes=10**9)
    path = writer.append([encode(record) for record in records])
    writer.seal()
    return path


def a_record(body: bytes, *, signal: str = "traces", project: str = "default") -> Record:
    return Record(1_700_000_000_000_000, signal, project, body)


def spans_in(path: Path) -> ExportTraceServiceRequest:
    """The first record of a segment."""
    return ExportTraceServiceRequest.FromString(read_segment(path).records[0].body)


def test_a_segment_is_kept_without_content(tmp_path: Path) -> None:
    plants = Plants()
    path = a_segment(
        tmp_path,
        a_record(planted.traces(plants, "traces").SerializeToString()),
        a_record(planted.logs(plants, "logs").SerializeToString(), signal="logs"),
        a_record(planted.metrics(plants, "metrics").SerializeToString(), signal="metrics"),
    )
    kept = keep(path, "a test", cleaner(NOTHING))
    assert not path.exists()
    assert kept.n_records == 3
    for left in tmp_path.rglob("*.*"):
        assert MARK.encode() not in left.read_bytes()
    [span] = spans_in(kept.path).resource_spans[0].scope_spans[0].spans
    assert {"gen_ai.usage.input_tokens", "gen_ai.operation.name"} <= {one.key for one in span.attributes}


def test_a_captured_project_keeps_its_prompts_but_no_credentials(tmp_path: Path) -> None:
    call = a_call(
        gen_ai__input__messages="hello", app__note="key AKIAIOSFODNN7EXAMPLE", app__api_key="hunter2"
    )
    path = a_segment(tmp_path, a_record(export(call), project="support"))
    kept = keep(path, "a test", cleaner(SUPPORT))
    [span] = spans_in(kept.path).resource_spans[0].scope_spans[0].spans
    values = {one.key: one.value.string_value for one in span.attributes}
    assert values[PROMPT] == "hello"
    assert values["app.note"] == "key [redacted:secret]"
    assert "app.api_key" not in values


def test_what_cannot_be_read_is_not_kept_but_described(tmp_path: Path) -> None:
    path = a_segment(tmp_path, a_record(b"\xff my secret prompt"), a_record(export(a_call())))
    kept = keep(path, "a test", cleaner(NOTHING))
    about = json.loads(kept.path.with_suffix(".json").read_text("utf-8"))
    assert (kept.n_records, kept.n_dropped) == (1, 1)
    assert about["reason"] == "a test"
    assert about["records_not_kept"][0]["bytes"] == len(b"\xff my secret prompt")
    assert about["records_not_kept"][0]["project"] == "default"
    assert b"secret prompt" not in kept.path.read_bytes()


def test_a_file_that_is_no_segment_leaves_only_its_description(tmp_path: Path) -> None:
    path = tmp_path / "0-foreign.seg"
    path.write_bytes(b"my secret prompt")
    kept = keep(path, "a test", cleaner(NOTHING))
    assert kept.path.read_bytes() == b""
    assert json.loads(kept.path.with_suffix(".json").read_text("utf-8"))["bytes"] == 16
    assert quarantined(tmp_path) == [kept.path]


def test_what_is_kept_is_for_the_owner_of_the_data_directory_alone(tmp_path: Path) -> None:
    kept = keep(a_segment(tmp_path, a_record(export(a_call()))), "a test", cleaner(NOTHING))
    assert {path.stat().st_mode & 0o777 for path in kept.path.parent.iterdir()} == {0o600}


def test_a_segment_that_is_gone_is_not_quarantined(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        keep(tmp_path / "gone.seg", "a test", cleaner(NOTHING))
    assert quarantined(tmp_path) == []


def test_quarantine_is_emptied_after_its_days(tmp_path: Path) -> None:
    kept = keep(a_segment(tmp_path, a_record(export(a_call()))), "a test", cleaner(NOTHING))
    now = datetime.now(UTC)
    assert expire_quarantine(tmp_path, now + timedelta(days=6, hours=23), 7) == 0
    assert quarantined(tmp_path) == [kept.path]
    assert expire_quarantine(tmp_path, now + timedelta(days=7, minutes=1), 7) == 1
    assert list(kept.path.parent.iterdir()) == []


def test_a_spool_without_quarantine_has_nothing_to_expire(tmp_path: Path) -> None:
    assert expire_quarantine(tmp_path, datetime.now(UTC), 7) == 0


def test_a_damaged_record_costs_itself_only(tmp_path: Path) -> None:
    bodies = [b"first", b"second", b"third"]
    path = a_segment(tmp_path, *(a_record(body) for body in bodies))
    damage(path, b"second", b"sEcond")
    segment = read_segment(path)
    assert [record.body for record in segment.records] == [b"first", b"third"]
    assert (segment.n_damaged, segment.torn_bytes) == (1, 0)


def test_damaged_records_at_the_end_count_as_torn(tmp_path: Path) -> None:
    path = a_segment(tmp_path, a_record(b"first"), a_record(b"second"), a_record(b"third"))
    damage(path, b"second", b"sEcond")
    damage(path, b"third", b"tHird")
    segment = read_segment(path)
    assert [record.body for record in segment.records] == [b"first"]
    assert segment.n_damaged == 0
    assert segment.torn_bytes > len(b"second" + b"third")


def test_a_damaged_length_takes_everything_behind_it(tmp_path: Path) -> None:
    path = a_segment(tmp_path, a_record(b"first"), a_record(b"second"), a_record(b"third"))
    content = bytearray(path.read_bytes())
    at = content.index(b"second") - len(encode(a_record(b"")))
    content[at] ^= 1
    path.write_bytes(content)
    assert [record.body for record in read_segment(path).records] == [b"first"]


def test_sealing_an_orphan_keeps_the_records_behind_a_damaged_one_and_cuts_the_torn_end(
    tmp_path: Path,
) -> None:
    path = a_segment(tmp_path, *(a_record(body) for body in (b"first", b"second", b"third")))
    damage(path, b"second", b"sEcond")
    with path.open("ab") as file:
        file.write(encode(a_record(b"fourth"))[:-2])
    path.rename(path.with_suffix(".open"))
    assert seal_orphans(tmp_path) == 1
    segment = read_segment(path)
    assert [record.body for record in segment.records] == [b"first", b"third"]
    assert (segment.n_damaged, segment.torn_bytes) == (1, 0)


def damage(path: Path, old: bytes, new: bytes) -> None:
    """Change bytes on the disk."""
    path.write_bytes(path.read_bytes().replace(old, new))
