"""Real exporters deliver: OpenTelemetry Python and JavaScript, over every protocol they speak, as their users set them up."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from grpc import Compression as GrpcCompression
from opentelemetry.exporter.otlp.proto.grpc import _log_exporter as grpc_logs
from opentelemetry.exporter.otlp.proto.grpc import metric_exporter as grpc_metrics
from opentelemetry.exporter.otlp.proto.grpc import trace_exporter as grpc_traces
from opentelemetry.exporter.otlp.proto.http import Compression as HttpCompression
from opentelemetry.exporter.otlp.proto.http import _log_exporter as http_logs
from opentelemetry.exporter.otlp.proto.http import metric_exporter as http_metrics
from opentelemetry.exporter.otlp.proto.http import trace_exporter as http_traces
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, LogRecordExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricExporter, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter

from tests.servers import Server, start_server
from tests.spans import a_call, export

JS_PROJECT = Path(__file__).parents[1] / "exporters"
PROTOCOLS = ("http", "grpc")
COMPRESSIONS = ("none", "gzip")


@dataclass(frozen=True)
class Exporters:
    """The three exporters of one protocol."""

    traces: SpanExporter
    logs: LogRecordExporter
    metrics: MetricExporter


def exporters(
    server: Server, protocol: str, compression: str = "none", headers: dict[str, str] | None = None
) -> Exporters:
    if protocol == "grpc":
        packing = GrpcCompression.Gzip if compression == "gzip" else GrpcCompression.NoCompression
        target = server.grpc_target
        return Exporters(
            grpc_traces.OTLPSpanExporter(target, insecure=True, headers=headers, compression=packing),
            grpc_logs.OTLPLogExporter(target, insecure=True, headers=headers, compression=packing),
            grpc_metrics.OTLPMetricExporter(target, insecure=True, headers=headers, compression=packing),
        )
    zipped, base = HttpCompression(compression), server.receiver_url + "/v1"
    return Exporters(
        http_traces.OTLPSpanExporter(f"{base}/traces", headers=headers, compression=zipped),
        http_logs.OTLPLogExporter(f"{base}/logs", headers=headers, compression=zipped),
        http_metrics.OTLPMetricExporter(f"{base}/metrics", headers=headers, compression=zipped),
    )


def send_calls(exporter: SpanExporter, service: str, n_calls: int = 1) -> None:
    """Record calls with the SDK and flush them, as a program does at its end."""
    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    provider.add_span_processor(BatchSpanProcessor(exporter))
    for _ in range(n_calls):
        with provider.get_tracer("tests").start_as_current_span("chat gpt-4o") as span:
            span.set_attributes({"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o"})
    provider.shutdown()


def send_log_records(exporter: LogRecordExporter, service: str, n_records: int) -> None:
    provider = LoggerProvider(resource=Resource.create({"service.name": service}))
    provider.add_log_record_processor(BatchLogRecordProcessor(exporter))
    for number in range(n_records):
        provider.get_logger("tests").emit(event_name="checkpoint", attributes={"number": number})
    provider.shutdown()


def send_metric_points(exporter: MetricExporter, service: str, n_points: int) -> None:
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=3_600_000)
    provider = MeterProvider([reader], resource=Resource.create({"service.name": service}))
    tokens = provider.get_meter("tests").create_histogram("gen_ai.client.token.usage", "{token}")
    for number in range(n_points):
        tokens.record(1000, {"gen_ai.request.model": f"model-{number}"})
    provider.shutdown()


def counted(server: Server, relation: str, service: str) -> int:
    server.wait_until_committed()
    n_rows: int = server.value(f"select count(*) from {relation} where service_name = '{service}'")
    return n_rows


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_python_spans_are_all_stored(server: Server, protocol: str, compression: str) -> None:
    service = f"spans-{protocol}-{compression}"
    send_calls(exporters(server, protocol, compression).traces, service, 600)  # more than one batch of 512
    assert counted(server, "calls", service) == 600


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_python_log_records_are_all_stored(server: Server, protocol: str, compression: str) -> None:
    service = f"logs-{protocol}-{compression}"
    send_log_records(exporters(server, protocol, compression).logs, service, 20)
    assert counted(server, "log_records", service) == 20


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_python_metric_points_are_all_stored(server: Server, protocol: str, compression: str) -> None:
    service = f"metrics-{protocol}-{compression}"
    send_metric_points(exporters(server, protocol, compression).metrics, service, 3)
    assert counted(server, "metric_points", service) == 3


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_headers_of_an_exporter_name_the_project(server: Server, protocol: str) -> None:
    sending = exporters(server, protocol, headers={"x-steelyard-project": f"team-{protocol}"})
    send_calls(sending.traces, f"headers-{protocol}")
    server.wait_until_committed()
    stored = server.rows(f"select project from calls where service_name = 'headers-{protocol}'")
    assert stored == [{"project": f"team-{protocol}"}]


@pytest.fixture(scope="module")
def small_spool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    data = tmp_path_factory.mktemp("small") / "data"
    with start_server(data, env={"STEELYARD_SPOOL_MAX_BYTES": "1000000"}) as running:
        yield running


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_what_an_exporter_sends_into_a_full_spool_is_stored_by_its_retry_once(
    small_spool: Server, protocol: str, caplog: pytest.LogCaptureFixture
) -> None:
    service = f"patient-{protocol}"
    store_server = small_spool.pid_of("collector.server")
    os.kill(store_server, signal.SIGSTOP)
    try:
        fill_spool(small_spool)
        sending = threading.Thread(target=send_calls, args=(exporters(small_spool, protocol).traces, service))
        with caplog.at_level(logging.WARNING):
            sending.start()
            wait_until(lambda: "retrying in" in caplog.text, "the exporter was not asked to come again")
    finally:
        os.kill(store_server, signal.SIGCONT)
    sending.join(60)
    assert not sending.is_alive()
    assert counted(small_spool, "calls", service) == 1


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("flavour", ["http", "proto", "grpc"])
def test_javascript_spans_logs_and_metrics_are_all_stored(
    server: Server, js_exporters: Path, flavour: str, compression: str
) -> None:
    service = f"js-{flavour}-{compression}"
    endpoint = f"http://{server.grpc_target}" if flavour == "grpc" else server.receiver_url
    chosen = {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_EXPORTER_OTLP_COMPRESSION": compression}
    sent = subprocess.run(
        ["node", js_exporters / "send.mjs", flavour, service],
        env={**os.environ, **chosen, "OTEL_EXPORTER_OTLP_HEADERS": "x-steelyard-project=js-team"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    results = [json.loads(line) for line in sent.stdout.splitlines()]
    assert sorted((one["signal"], one["code"]) for one in results) == [
        ("logs", 0),
        ("metrics", 0),
        ("traces", 0),
    ]
    assert "Partial Success" not in sent.stderr
    assert counted(server, "calls", service) == 2
    assert counted(server, "log_records", service) == 1
    assert counted(server, "metric_points", service) == 1
    assert server.rows(f"select distinct project from calls where service_name = '{service}'") == [
        {"project": "js-team"}
    ]


def fill_spool(server: Server) -> None:
    """Until the receiver takes no more, not even a small request."""
    large, small = export(*(a_call() for _ in range(500))), export(a_call())
    for body in (large, small):
        wait_until(lambda body=body: server.post("/v1/traces", body)[0] == 503, "the spool is never full")


def wait_until(claim: Callable[[], bool], otherwise: str, patience_s: float = 60.0) -> None:
    give_up_at = time.monotonic() + patience_s
    while not claim():
        assert time.monotonic() < give_up_at, otherwise
        time.sleep(0.01)


@pytest.fixture(scope="session")
def js_exporters() -> Path:
    """The folder of the installed JavaScript exporters; installed once for each lock file."""
    for tool in ("node", "npm"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed; these tests need Node.js 20 or newer with npm")
    lock = hashlib.sha256((JS_PROJECT / "package-lock.json").read_bytes()).hexdigest()[:16]
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    installed = caches / "steelyard-tests" / f"js-exporters-{lock}"
    if not installed.exists():
        install_js_exporters(installed)
    shutil.copy(JS_PROJECT / "send.mjs", installed)
    return installed


def install_js_exporters(into: Path) -> None:
    """Whole or not at all, so that an interrupted installation is not taken for one."""
    into.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=into.parent) as half_done:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(JS_PROJECT / name, half_done)
        npm = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        done = subprocess.run(npm, cwd=half_done, capture_output=True, text=True, check=False, timeout=300)
        if done.returncode != 0:
            pytest.skip(f"npm could not install tests/exporters (is there a registry?): {done.stderr[-500:]}")
        with contextlib.suppress(OSError):  # another run was faster
            Path(half_done).rename(into)
            Path(half_done).mkdir()
