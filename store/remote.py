"""Talking to a running Steelyard over HTTP: queries to its store server, records to its receiver.

Light on purpose (no Arrow, no database): the eval runner and every command import it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from errors import QueryError, ServerError
from store.projects import PROJECT_HEADER

DEFAULT_API_URL = "http://127.0.0.1:4319"
DEFAULT_RECEIVER_URL = "http://127.0.0.1:4318"
API_VERSION = "1"
VERSION_HEADER = "x-steelyard-api"
ARROW_STREAM = "application/vnd.apache.arrow.stream"

# One request must stay well under the receiver's body limit, and a resend of it cheap.
RECORDS_PER_REQUEST = 2_000
# A full spool answers 503 with Retry-After; a command can wait a little for it.
SEND_PATIENCE_S = 20.0


class StoreClient:
    """The read API of one store server."""

    def __init__(
        self, url: str = DEFAULT_API_URL, *, api_key: str | None = None, timeout_s: float = 60.0
    ) -> None:
        self.url = url.rstrip("/")
        headers = {"authorization": f"Bearer {api_key}"} if api_key else {}
        # trust_env=False: a proxy set for the internet must never see the local store.
        self._http = httpx.Client(base_url=self.url, headers=headers, timeout=timeout_s, trust_env=False)

    def query(self, name: str, *, project: str, params: Mapping[str, str | None]) -> bytes:
        """A named query's rows as an Arrow IPC stream."""
        given = {key: value for key, value in params.items() if value is not None}
        return self._post(f"/api/v1/query/{name}", {"project": project, "params": given})

    def rows(self, name: str, *, project: str, params: Mapping[str, str | None]) -> list[dict[str, Any]]:
        """A named query's rows as plain JSON, for who does not load Arrow: times and decimals are text."""
        given = {key: value for key, value in params.items() if value is not None}
        body = json.dumps({"project": project, "params": given})
        found: list[dict[str, Any]] = self._send(
            "POST", f"/api/v1/query/{name}", body, accept="application/json"
        ).json()
        return found

    def sql(self, statement: str, *, max_rows: int) -> bytes:
        """One read-only SELECT's rows as an Arrow IPC stream."""
        return self._post("/api/v1/sql", {"sql": statement, "max_rows": max_rows})

    def health(self) -> dict[str, object]:
        """What the server says of itself: versions, data directory, lag."""
        answer = self._send("GET", "/api/v1/health")
        body: dict[str, object] = answer.json()
        return body

    def close(self) -> None:
        self._http.close()

    def _post(self, path: str, body: Mapping[str, object]) -> bytes:
        return self._send("POST", path, json.dumps(body)).content

    def _send(
        self, method: str, path: str, content: str | None = None, *, accept: str = ARROW_STREAM
    ) -> httpx.Response:
        headers = {"content-type": "application/json", "accept": accept} if content is not None else {}
        try:
            answer = self._http.request(method, path, content=content, headers=headers)
        except httpx.HTTPError as failed:
            raise ServerError(
                f"no store server answers at {self.url} ({type(failed).__name__}). Start one with `steelyard up`, "
                "or set STEELYARD_URL to where it runs."
            ) from failed
        if answer.status_code >= 500:
            raise ServerError(f"the store server at {self.url} failed: {_detail(answer)}")
        if answer.status_code >= 400:
            raise QueryError(_detail(answer))
        spoken = answer.headers.get(VERSION_HEADER)
        if spoken != API_VERSION:
            raise ServerError(
                f"{self.url} speaks read API {spoken or 'unknown'}, this command speaks {API_VERSION}. "
                "Run the same Steelyard version on both sides."
            )
        return answer


def post_records(
    receiver_url: str,
    kind: str,
    rows: Sequence[Mapping[str, object]],
    *,
    project: str | None = None,
    api_key: str | None = None,
    wait_commit: bool = True,
) -> None:
    """Send records through the one way in; returns when they are on disk (and committed, if asked).

    Safe to repeat: records are identified by their own keys. Raises ServerError when nobody answers,
    when the receiver stays busy for 20 s, or when it refuses the records, saying what it said.
    """
    headers = {"content-type": "application/json"}
    if api_key:
        headers["authorization"] = f"Bearer {api_key}"
    if project:
        headers[PROJECT_HEADER] = project
    path = f"/api/v1/records/{kind}" + ("?wait=commit" if wait_commit else "")
    with httpx.Client(
        base_url=receiver_url.rstrip("/"), headers=headers, timeout=60.0, trust_env=False
    ) as http:
        for start in range(0, len(rows), RECORDS_PER_REQUEST):
            _post_patiently(http, path, json.dumps(rows[start : start + RECORDS_PER_REQUEST]), receiver_url)


def _post_patiently(http: httpx.Client, path: str, body: str, receiver_url: str) -> None:
    give_up_at = time.monotonic() + SEND_PATIENCE_S
    while True:
        try:
            answer = http.post(path, content=body)
        except httpx.HTTPError as failed:
            raise ServerError(
                f"no receiver answers at {receiver_url} ({type(failed).__name__}). Start one with `steelyard up`."
            ) from failed
        if answer.status_code < 300:
            return
        if answer.status_code != 503 or time.monotonic() > give_up_at:
            raise ServerError(f"the receiver at {receiver_url} refused the records: {_detail(answer)}")
        time.sleep(float(answer.headers.get("retry-after", "2")))


def _detail(answer: httpx.Response) -> str:
    """The problem+json detail of an error answer, or what there is."""
    try:
        problem = answer.json()
    except ValueError:
        return f"HTTP {answer.status_code}"
    return str(problem.get("detail") or problem.get("title") or f"HTTP {answer.status_code}")
