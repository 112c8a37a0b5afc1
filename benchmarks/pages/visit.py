"""A visitor without a browser: Streamlit's own protocol over its websocket, so that what is measured is the server alone."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Self

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

_PATIENCE_S = 120.0
_MOST_BYTES = 50_000_000


@dataclass
class Run:
    """One run of a page, as its visitor saw it."""

    seconds: float = 0.0
    n_bytes: int = 0
    n_figures: int = 0
    exceptions: list[str] = field(default_factory=list)

    def take(self, message: ForwardMsg) -> None:
        element = message.delta.new_element
        kind = element.WhichOneof("type") if message.WhichOneof("type") == "delta" else None
        self.n_figures += kind == "plotly_chart"
        if kind == "exception":
            self.exceptions.append(f"{element.exception.type}: {element.exception.message}")


class Visitor:
    """A session of its own, open until it is closed."""

    def __init__(self, url: str) -> None:
        address = f"{url.replace('http', 'ws', 1)}/_stcore/stream"
        self._socket: ClientConnection = connect(
            address,
            subprotocols=[Subprotocol("streamlit")],
            max_size=_MOST_BYTES,
            proxy=None,
            compression=None,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def open(self, page: str, query: str) -> Run:
        """Run a page (by its path, "" is the first) as a browser does that opens its address. Returns when it has finished."""
        asked = BackMsg()
        asked.rerun_script.page_name = page
        asked.rerun_script.query_string = query
        began_at = time.monotonic()
        self._socket.send(asked.SerializeToString())
        run = Run()
        while not self._has_finished(run):
            pass
        run.seconds = time.monotonic() - began_at
        return run

    def _has_finished(self, run: Run) -> bool:
        body = self._socket.recv(timeout=_PATIENCE_S)
        assert isinstance(body, bytes)
        run.n_bytes += len(body)
        message = ForwardMsg.FromString(body)
        run.take(message)
        # A script that runs itself again ends early, and has not finished.
        is_end = message.WhichOneof("type") == "script_finished"
        return is_end and bool(message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY)
