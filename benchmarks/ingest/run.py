"""One run: load for a while, probes beside it, then wait until the last acknowledged span is visible."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from benchmarks.ingest.load import LoadResult, LoadSpec
from benchmarks.ingest.spans import fresh, templates
from benchmarks.ingest.subjects import Subject
from benchmarks.ingest.watch import Cost, Watch

PROBE_EVERY_S = 0.25
LOOK_EVERY_S = 0.2
# What is acknowledged and shows no progress for this long counts as lost.
NO_PROGRESS_S = 30.0


@dataclass(frozen=True)
class Measured:
    """What one run came to. Times in the units of their names; shares from 0 to 1."""

    subject: str
    load: LoadResult
    n_spans: int  # load and probes
    visible_at_end: int  # when the load stopped
    visible_in_all: int
    drained_after_s: float  # from the first request until everything acknowledged was visible
    fresh_ms: list[float] = field(default_factory=list)  # from a probe's answer until it was visible
    costs: Sequence[Cost] = ()
    used_by_others: float = 0.0

    @property
    def lost(self) -> int:
        """Acknowledged and never seen; negative when more is stored than was acknowledged."""
        return self.n_spans - self.visible_in_all


def run(subject: Subject, spec: LoadSpec) -> Measured:
    """Put the load on the server and look at what it does."""
    watch, own_before = Watch(subject.process.pid), time.process_time()
    driver = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.ingest.load", json.dumps(asdict(spec))], stdout=subprocess.PIPE
    )
    assert driver.stdout is not None
    driver.stdout.readline()  # it has built its requests and begins
    started_at = time.monotonic()
    prober = Prober(subject)
    prober.start()
    _wait_for_load_to_end(driver, started_at + spec.seconds)
    prober.send_no_more()
    visible_at_end = subject.visible_spans()
    load = LoadResult(**json.loads(driver.stdout.read()))
    n_spans = load.acked_spans + prober.n_sent
    visible = _wait_until_visible(subject, n_spans)
    drained_after_s = time.monotonic() - started_at
    prober.stop()
    own_s = load.cpu_s + time.process_time() - own_before
    return Measured(
        subject=subject.name,
        load=load,
        n_spans=n_spans,
        visible_at_end=visible_at_end,
        visible_in_all=visible,
        drained_after_s=drained_after_s,
        fresh_ms=prober.fresh_ms,
        costs=watch.costs(),
        used_by_others=watch.used_by_others(own_s),
    )


class Prober:
    """Sends one span every quarter of a second and looks for each until a reader sees it."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._url = f"http://127.0.0.1:{subject.otlp_port}/v1/traces"
        self._thread = threading.Thread(target=self._run, name="prober")
        self._sending = threading.Lock()
        self._no_more, self._give_up = threading.Event(), threading.Event()
        self._acked_at: dict[bytes, float] = {}  # of the probes that nobody has seen yet
        self.fresh_ms: list[float] = []
        self.n_sent = 0

    def start(self) -> None:
        self._thread.start()

    def send_no_more(self) -> None:
        """From now on only look for those that were sent; `n_sent` is final."""
        self._no_more.set()
        with self._sending:
            return

    def stop(self) -> None:
        """Give up those that nobody has seen: they count as lost, not as late."""
        self._give_up.set()
        self._thread.join()

    def _run(self) -> None:
        bodies = fresh(templates(1, 1, seed=1))
        send_at = time.monotonic()
        while not self._give_up.wait(LOOK_EVERY_S) and not (self._no_more.is_set() and not self._acked_at):
            if time.monotonic() >= send_at:
                send_at += PROBE_EVERY_S
                self._send(next(bodies)[0])
            self._look()

    def _send(self, body: bytes) -> None:
        asked = urllib.request.Request(
            self._url, data=body, headers={"content-type": "application/x-protobuf"}, method="POST"
        )
        with self._sending:
            if self._no_more.is_set():
                return
            # Refused: the load's own count says how often that happens.
            with contextlib.suppress(OSError), urllib.request.urlopen(asked, timeout=30):
                self._acked_at[_span_id(body)] = time.monotonic()
                self.n_sent += 1

    def _look(self) -> None:
        if not self._acked_at:
            return
        oldest_s = time.monotonic() - min(self._acked_at.values())
        for span_id in self._subject.visible_of(list(self._acked_at), oldest_s):
            self.fresh_ms.append((time.monotonic() - self._acked_at.pop(span_id)) * 1000)


def _span_id(body: bytes) -> bytes:
    [span] = ExportTraceServiceRequest.FromString(body).resource_spans[0].scope_spans[0].spans
    return bytes(span.span_id)


def _wait_for_load_to_end(driver: subprocess.Popen[bytes], until: float) -> None:
    """Until the time is over, not until the driver has its last answer: visible/s is over the load's time."""
    while time.monotonic() < until:
        if driver.poll() is not None:
            return
        time.sleep(min(0.2, max(0.0, until - time.monotonic())))


def _wait_until_visible(subject: Subject, n_spans: int) -> int:
    visible, seen_at = 0, time.monotonic()
    while visible < n_spans and time.monotonic() - seen_at < NO_PROGRESS_S:
        if (now_visible := subject.visible_spans()) > visible:
            visible, seen_at = now_visible, time.monotonic()
        time.sleep(LOOK_EVERY_S)
    return visible
