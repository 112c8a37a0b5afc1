"""Secrets planted in every place that an emitter can put one, and the search for them afterwards."""

from __future__ import annotations

import base64
import binascii
import gzip
import json
import re
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from collector.privacy.content import CONTENT_KEYS
from tests.spans import a_call, any_value

CONTENT = [key.removesuffix("*") + (".0.text" if key.endswith("*") else "") for key in CONTENT_KEYS]
# Every secret begins so, and goes on with hex digits: one search finds them all.
MARK = "Zq7Walrus"
# What becomes a column of its own.
COLUMNS = (
    "gen_ai.request.model",
    "gen_ai.provider.name",
    "gen_ai.response.id",
    "gen_ai.conversation.id",
    "gen_ai.agent.name",
    "gen_ai.prompt.name",
    "gen_ai.prompt.version",
    "error.type",
    "user.id",
    "tenant.id",
    "session.id",
)


@dataclass
class Plants:
    """What was planted: the secret part of each, and where it was put; and the places of those that are prose."""

    places: dict[str, str] = field(default_factory=dict)
    prose_places: set[str] = field(default_factory=set)

    def prose(self, place: str) -> str:
        """A prompt that no pattern can know: only where content is dropped as such."""
        self.prose_places.add(place)
        return f"please keep {self._secret(place)} between us"

    def key(self, place: str) -> str:
        """A credential: where the rest of the value is kept."""
        return f"sk-proj-{self._secret(place)}"

    def attributes(self, where: str) -> list[KeyValue]:
        """Attributes of every sort that can carry something."""
        given: dict[str, Any] = {key: self.prose(f"{where} {key}") for key in CONTENT}
        given |= {key: self.key(f"{where} {key}") for key in COLUMNS}
        given |= {
            "app.note": f"{'word ' * 80}{self.prose(f'{where} long text of an unknown key')}",
            "app.short": self.key(f"{where} unknown key"),
            "app.list": ["a", self.key(f"{where} list")],
            "app.map": {
                "inner": {"token": self.key(f"{where} map"), "password": self.prose(f"{where} map by name")}
            },
            "app.bytes": self.prose(f"{where} bytes").encode(),
            "app.api_key": self.prose(f"{where} key that names a credential"),
            self.key(f"{where} name of an attribute"): 1,
            "app.link": f"https://bob:{self._secret(f'{where} address')}@example.com/",
            "gen_ai.response.finish_reasons": ["stop", self.key(f"{where} finish reason")],
        }
        return [KeyValue(key=key, value=any_value(value)) for key, value in given.items()]

    def _secret(self, place: str) -> str:
        secret = MARK + secrets.token_hex(9)
        assert place not in self.places.values(), f"{place} was planted twice"
        self.places[secret] = place
        return secret


def traces(plants: Plants, name: str) -> ExportTraceServiceRequest:
    """Spans that carry a secret wherever a span can carry text."""
    request = ExportTraceServiceRequest()
    block = request.resource_spans.add(schema_url=plants.key(f"{name} schema url"))
    block.resource.attributes.extend(plants.attributes(f"{name} resource"))
    scoped = block.scope_spans.add(schema_url=plants.key(f"{name} scope schema url"))
    scoped.scope.name = plants.key(f"{name} scope name")
    scoped.scope.version = plants.key(f"{name} scope version")
    scoped.scope.attributes.extend(plants.attributes(f"{name} scope"))
    span = a_call(failed=True)
    span.name = f"chat {plants.key(f'{name} span name')}"
    span.trace_state = f"vendor={plants.key(f'{name} trace state')}"
    span.attributes.extend(plants.attributes(f"{name} span"))
    span.status.message = f"Error code: 400 - {plants.prose(f'{name} status message')}"
    event = span.events.add(name=f"event {plants.key(f'{name} event name')}", time_unix_nano=time.time_ns())
    event.attributes.extend(plants.attributes(f"{name} event"))
    link = span.links.add(
        trace_id=b"t" * 16, span_id=b"s" * 8, trace_state=plants.key(f"{name} link trace state")
    )
    link.attributes.extend(plants.attributes(f"{name} link"))
    scoped.spans.append(span)
    return request


def logs(plants: Plants, name: str) -> ExportLogsServiceRequest:
    """Log records with bodies of every kind, and the events of coding agents."""
    request = ExportLogsServiceRequest()
    block = request.resource_logs.add()
    block.resource.attributes.extend(plants.attributes(f"{name} resource"))
    scoped = block.scope_logs.add()
    scoped.scope.name = plants.key(f"{name} scope name")
    bodies = [
        plants.prose(f"{name} body"),
        {"role": "user", "content": {"text": plants.prose(f"{name} body map")}},
        [plants.prose(f"{name} body list")],
    ]
    for event_name in ("", "gen_ai.user.message", "claude_code.user_prompt", "claude_code.api_error"):
        for number, body in enumerate(bodies if not event_name else bodies[:0] or [None]):
            place = f"{name} record {event_name}{number}"
            record = scoped.log_records.add(
                time_unix_nano=time.time_ns(),
                trace_id=b"t" * 16,
                span_id=b"s" * 8,
                event_name=event_name or plants.key(f"{place} event name"),
                severity_text=plants.key(f"{place} severity"),
                body=any_value(body)
                if body is not None
                else AnyValue(string_value=plants.prose(f"{place} body")),
            )
            record.attributes.extend(plants.attributes(place))
    return request


def metrics(plants: Plants, name: str) -> ExportMetricsServiceRequest:
    """Metric points with exemplars."""
    request = ExportMetricsServiceRequest()
    block = request.resource_metrics.add()
    block.resource.attributes.extend(plants.attributes(f"{name} resource"))
    metric = block.scope_metrics.add().metrics.add(
        name=f"tokens {plants.key(f'{name} metric name')}",
        description=plants.key(f"{name} description"),
        unit=plants.key(f"{name} unit"),
    )
    metric.metadata.extend(plants.attributes(f"{name} metadata"))
    point = metric.sum.data_points.add(as_int=1, time_unix_nano=time.time_ns(), start_time_unix_nano=1)
    metric.sum.aggregation_temporality = 2
    point.attributes.extend(plants.attributes(f"{name} point"))
    exemplar = point.exemplars.add(as_int=1, time_unix_nano=time.time_ns())
    exemplar.filtered_attributes.extend(plants.attributes(f"{name} exemplar"))
    return request


def as_json(request: Any) -> bytes:
    """An export request as OTLP/JSON: ids in hex."""
    document = MessageToDict(request)
    todo: list[Any] = [document]
    while todo:
        node = todo.pop()
        if isinstance(node, list):
            todo.extend(node)
        elif isinstance(node, dict):
            for key, value in node.items():
                if key in ("traceId", "spanId", "parentSpanId"):
                    node[key] = base64.b64decode(value).hex()
                else:
                    todo.append(value)
    return json.dumps(document).encode()


def leaks(plants: Plants, data_dir: Path, *outputs: Path) -> list[str]:
    """Where a secret was found, and which. The server must have stopped."""
    found = []
    for where, content in (
        *_files(data_dir),
        *_tables(data_dir),
        *((str(path), path.read_bytes()) for path in outputs),
    ):
        secrets_here = {match.decode() for match in re.findall(rb"%s[0-9a-f]{0,18}" % MARK.encode(), content)}
        found += [f"{where}: {plants.places.get(secret, secret)}" for secret in sorted(secrets_here)]
        found += [f"{where}: something {form}" for form, text in _ENCODED if text in content]
    return found


def _encoded() -> Iterator[tuple[str, bytes]]:
    """The beginning of every secret as it may stand in a file."""
    raw = MARK.encode()
    yield "in hex", binascii.hexlify(raw)
    yield "in hex", binascii.hexlify(raw).upper()
    for shift in range(3):
        # Whatever stands before and behind it: the letters that do not depend on its neighbours.
        whole = base64.b64encode(b"\0" * shift + raw)
        yield "in base64", whole[4 if shift else 0 : (shift + len(raw)) // 3 * 4]


def _files(data_dir: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(data_dir.rglob("*")):
        if path.is_file():
            content = path.read_bytes()
            yield str(path.relative_to(data_dir)), content
            if content.startswith(b"\x1f\x8b"):
                yield f"{path.relative_to(data_dir)} unpacked", gzip.decompress(content)


def _tables(data_dir: Path) -> Iterator[tuple[str, bytes]]:
    """Every table as text: DuckDB compresses, so the bytes of its file alone prove little."""
    with duckdb.connect(str(data_dir / "store.duckdb"), read_only=True) as store:
        for (table,) in store.sql("select table_name from duckdb_tables()").fetchall():
            yield f"table {table}", repr(store.sql(f'select * from "{table}"').fetchall()).encode()


_ENCODED = tuple(_encoded())
