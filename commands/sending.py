"""OTLP trace requests through the receiver's door, a few at once: for commands that load many spans.

A busy receiver (503) is waited for, as its Retry-After asks; what it refuses for good is counted and told.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

import httpx
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from collector.configure import load_settings
from collector.settings import DEFAULT_DATA_DIR
from commands.local import API_KEY, server_here
from errors import ConfigError, ServerError
from evals.outbox import Receiver
from store.projects import is_project
from store.remote import DEFAULT_RECEIVER_URL
from store.trust import verification

CONNECTIONS = 4
OTLP_URL = "STEELYARD_OTLP_URL"


@dataclass(frozen=True)
class Refused:
    """Spans that the receiver would not take, of all requests, and what it said of the last of them."""

    n_spans: int = 0
    why: str = ""

    def __add__(self, other: Refused) -> Refused:
        return Refused(self.n_spans + other.n_spans, other.why or self.why)


def running_receiver(data: Path | None, project: str | None) -> Receiver:
    """Where spans go, strongest wish first: --data, $STEELYARD_OTLP_URL, the server that runs here.

    Not $OTEL_EXPORTER_OTLP_ENDPOINT: who loads history from another backend may well send there now. Raises
    ConfigError when the project cannot be one, ServerError when nothing listens.
    """
    if project is not None and not is_project(project):
        raise ConfigError(f"--project {project!r} cannot name a project. Example: --project search-team")
    named = os.environ.get(OTLP_URL)
    settings = load_settings({"data": data})
    if named and data is None:
        verify = verification(named, authorities=settings.tls_ca)
        return Receiver(named.rstrip("/"), project, os.environ.get(API_KEY), verify)
    if here := server_here(settings.data):
        return Receiver(here.receiver_url, project, here.api_key, here.verify)
    usual = Receiver(DEFAULT_RECEIVER_URL, project, os.environ.get(API_KEY))
    if data is None and settings.data == DEFAULT_DATA_DIR.absolute() and usual.listens():
        return usual
    raise ServerError(
        f"no server runs on {settings.data}. Start one with `steelyard up` in another terminal, name its data "
        f"directory with --data DIR, or set {OTLP_URL} to where its receiver is."
    )


@dataclass(frozen=True)
class Errand:
    """What is sent and how long to insist, in words for people."""

    spans: str  # "the demo spans"
    again: str  # the command that sends what is missing
    patience_s: float  # that the receiver may stay busy for one request


def send_traces(to: Receiver, bodies: Iterable[bytes], errand: Errand) -> Refused:
    """Send every serialised export request, while the next ones are made; returns what was refused of them.

    Raises ServerError when the receiver stops answering, stays busy too long, or refuses a whole request.
    """
    headers = {"content-type": "application/x-protobuf", **to.headers}
    verify = verification(to.url) if to.verify is None else to.verify
    refused = Refused()
    on_the_way: set[Future[Refused]] = set()
    with (
        httpx.Client(base_url=to.url, headers=headers, timeout=60.0, trust_env=False, verify=verify) as http,
        ThreadPoolExecutor(CONNECTIONS) as pool,
    ):
        for body in bodies:
            on_the_way.add(pool.submit(_send, http, body, errand))
            if len(on_the_way) >= 2 * CONNECTIONS:
                done, on_the_way = wait(on_the_way, return_when=FIRST_COMPLETED)
                refused = sum((sent.result() for sent in done), refused)
        return sum((sent.result() for sent in on_the_way), refused)


def _send(http: httpx.Client, body: bytes, errand: Errand) -> Refused:
    give_up_at = time.monotonic() + errand.patience_s
    while True:
        try:
            answer = http.post("/v1/traces", content=body)
        except httpx.HTTPError as failed:
            raise ServerError(
                f"the receiver at {http.base_url} stopped answering ({type(failed).__name__}). "
                f"Look at its log, then run {errand.again} again: it adds only what is missing."
            ) from failed
        if answer.status_code == 200:
            return _refused(answer.content)
        if answer.status_code in (401, 403):
            raise ServerError(
                f"the receiver at {http.base_url} refused {errand.spans} (HTTP {answer.status_code}): set {API_KEY} to "
                "a key that may send to this project (`steelyard keys add --role ingest`)."
            )
        if answer.status_code != 503 or time.monotonic() > give_up_at:
            raise ServerError(
                f"the receiver at {http.base_url} answered HTTP {answer.status_code} to {errand.spans}. "
                f"Run `steelyard doctor`, then {errand.again} again: it adds only what is missing."
            )
        time.sleep(float(answer.headers.get("retry-after", "2")))


def _refused(body: bytes) -> Refused:
    partial = ExportTraceServiceResponse.FromString(body).partial_success
    return Refused(partial.rejected_spans, partial.error_message) if partial.rejected_spans else Refused()
