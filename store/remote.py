"""Talking to a running Steelyard over HTTP: queries to its store server, records to its receiver.

Light on purpose (no Arrow, no database): the eval runner and every command import it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from copy import copy
from typing import Any
from urllib.parse import urlencode

import httpx

from errors import ConfigError, NotSignedInError, QueryError, ServerError
from store.projects import PROJECT_HEADER
from store.trust import TLS_CA, Verification, verification
from store.wire import API_VERSION, ARROW_STREAM, AS_HEADER, VERSION_HEADER

DEFAULT_API_URL = "http://127.0.0.1:4319"
DEFAULT_RECEIVER_URL = "http://127.0.0.1:4318"

# One request must stay well under the receiver's body limit, and a resend of it cheap.
RECORDS_PER_REQUEST = 2_000
# A full spool answers 503 with Retry-After; a command can wait a little for it.
SEND_PATIENCE_S = 20.0


class StoreClient:
    """The read API of one store server."""

    def __init__(
        self,
        url: str = DEFAULT_API_URL,
        *,
        api_key: str | None = None,
        timeout_s: float = 60.0,
        verify: Verification | None = None,
    ) -> None:
        self.url = url.rstrip("/")
        self._headers = bearer(api_key)
        self._http = _http(self.url, {}, timeout_s, verify)

    def as_caller(self, *, api_key: str | None = None, narrowed_to: str | None = None) -> StoreClient:
        """The same server over the same connections, asked with another key or for somebody who may do less.

        `narrowed_to` is a value of the header `x-steelyard-as` (collector/narrowing.py).
        """
        other = copy(self)
        other._headers = bearer(api_key) if api_key else dict(self._headers)
        if narrowed_to is not None:
            other._headers[AS_HEADER] = narrowed_to
        return other

    def query(self, name: str, *, project: str | None, params: Mapping[str, str | None]) -> bytes:
        """A named query's rows as an Arrow IPC stream. Without a project it is that of the key."""
        return self._post(f"/api/v1/query/{name}", _question(project, params))

    def rows(
        self, name: str, *, project: str | None, params: Mapping[str, str | None]
    ) -> list[dict[str, Any]]:
        """A named query's rows as plain JSON, for who does not load Arrow: times and decimals are text."""
        body = json.dumps(_question(project, params))
        found: list[dict[str, Any]] = self._send(
            "POST", f"/api/v1/query/{name}", body, accept="application/json"
        ).json()
        return found

    def sql(self, statement: str, *, max_rows: int) -> bytes:
        """One read-only SELECT's rows as an Arrow IPC stream."""
        return self._post("/api/v1/sql", {"sql": statement, "max_rows": max_rows})

    def admin(self, job: str, asked: Mapping[str, object]) -> dict[str, Any]:
        """Let the server do a job of its owner (`backup`, `export`, `rewrite`); what it says when it is done."""
        done: dict[str, Any] = self._send(
            "POST", f"/api/v1/admin/{job}", json.dumps(asked), accept="application/json"
        ).json()
        return done

    def health(self) -> dict[str, object]:
        """What the server says of itself: versions, data directory, lag."""
        answer = self._send("GET", "/api/v1/health")
        body: dict[str, object] = answer.json()
        return body

    def pipeline(self, project: str) -> dict[str, Any]:
        """The state of the collector and what is set for a project: see GET /api/v1/pipeline."""
        found: dict[str, Any] = self._send("GET", f"/api/v1/pipeline?project={project}").json()
        return found

    def explain(self, span_id: str, *, trace_id: str | None, project: str | None) -> dict[str, Any]:
        """Why a stored span is what it is: see GET /api/v1/explain."""
        asked = {"span": span_id, "trace": trace_id, "project": project}
        words = urlencode({name: value for name, value in asked.items() if value is not None})
        found: dict[str, Any] = self._send("GET", f"/api/v1/explain?{words}").json()
        return found

    def whoami(self) -> dict[str, Any]:
        """What the key is and may: see GET /api/v1/whoami."""
        found: dict[str, Any] = self._send("GET", "/api/v1/whoami").json()
        return found

    def projects(self) -> list[str]:
        """The projects that hold anything and that the key may see."""
        found: list[str] = self._send("GET", "/api/v1/projects").json()
        return found

    def settings(self) -> list[dict[str, Any]]:
        """Every setting of the server with its value and its description, for an admin of every project."""
        found: list[dict[str, Any]] = self._send("GET", "/api/v1/settings").json()
        return found

    def close(self) -> None:
        self._http.close()

    def _post(self, path: str, body: Mapping[str, object]) -> bytes:
        return self._send("POST", path, json.dumps(body)).content

    def _send(
        self, method: str, path: str, content: str | None = None, *, accept: str = ARROW_STREAM
    ) -> httpx.Response:
        headers = dict(self._headers)
        if content is not None:
            headers |= {"content-type": "application/json", "accept": accept}
        try:
            answer = self._http.request(method, path, content=content, headers=headers)
        except httpx.HTTPError as failed:
            raise ServerError(
                _not_trusted(self.url, failed)
                or f"no store server answers at {self.url} ({type(failed).__name__}). Start one with `steelyard up`, "
                "or set STEELYARD_URL to where it runs."
            ) from failed
        if answer.status_code >= 500:
            raise ServerError(f"the store server at {self.url} failed: {_detail(answer)}")
        if answer.status_code == 401:
            raise NotSignedInError(f"{self.url} refused: {_detail(answer)} Commands send $STEELYARD_API_KEY.")
        if answer.status_code >= 400:
            raise QueryError(_detail(answer))
        spoken = answer.headers.get(VERSION_HEADER)
        if spoken != API_VERSION:
            raise ServerError(
                f"{self.url} speaks read API {spoken or 'unknown'}, this command speaks {API_VERSION}. "
                "Run the same Steelyard version on both sides."
            )
        return answer


def _question(project: str | None, params: Mapping[str, str | None]) -> dict[str, object]:
    given = {key: value for key, value in params.items() if value is not None}
    return {"params": given} if project is None else {"project": project, "params": given}


def bearer(api_key: str | None) -> dict[str, str]:
    """The header that carries an access key; raises ConfigError when it cannot be one, without repeating it."""
    if not api_key:
        return {}
    if not (api_key.isascii() and api_key.isprintable()):
        raise ConfigError("STEELYARD_API_KEY is not an access key: it holds characters that no key has.")
    return {"authorization": f"Bearer {api_key}"}


def post_records(
    receiver_url: str,
    kind: str,
    rows: Sequence[Mapping[str, object]],
    *,
    project: str | None = None,
    api_key: str | None = None,
    narrowed_to: str | None = None,
    verify: Verification | None = None,
    wait_commit: bool = True,
) -> None:
    """Send records through the one way in; returns when they are on disk (and committed, if asked).

    `narrowed_to` is for whom, when that is somebody who may do less than the key (see `StoreClient.as_caller`).
    Safe to repeat: records are identified by their own keys. Raises ServerError when nobody answers,
    when the receiver stays busy for 20 s, or when it refuses the records, saying what it said.
    """
    headers = {"content-type": "application/json", **bearer(api_key)}
    if project:
        headers[PROJECT_HEADER] = project
    if narrowed_to is not None:
        headers[AS_HEADER] = narrowed_to
    path = f"/api/v1/records/{kind}" + ("?wait=commit" if wait_commit else "")
    with _http(receiver_url.rstrip("/"), headers, 60.0, verify) as http:
        for start in range(0, len(rows), RECORDS_PER_REQUEST):
            _post_patiently(http, path, json.dumps(rows[start : start + RECORDS_PER_REQUEST]), receiver_url)


def _http(
    url: str, headers: Mapping[str, str], timeout_s: float, verify: Verification | None
) -> httpx.Client:
    checked = verification(url) if verify is None else verify
    # trust_env=False: a proxy set for the internet must never see the local store.
    return httpx.Client(base_url=url, headers=headers, timeout=timeout_s, trust_env=False, verify=checked)


def _post_patiently(http: httpx.Client, path: str, body: str, receiver_url: str) -> None:
    give_up_at = time.monotonic() + SEND_PATIENCE_S
    while True:
        try:
            answer = http.post(path, content=body)
        except httpx.HTTPError as failed:
            raise ServerError(
                _not_trusted(receiver_url, failed)
                or f"no receiver answers at {receiver_url} ({type(failed).__name__}). Start one with `steelyard up`."
            ) from failed
        if answer.status_code < 300:
            return
        if answer.status_code != 503 or time.monotonic() > give_up_at:
            raise ServerError(f"the receiver at {receiver_url} refused the records: {_detail(answer)}")
        time.sleep(float(answer.headers.get("retry-after", "2")))


def _not_trusted(url: str, failed: httpx.HTTPError) -> str | None:
    """What to do when it is the certificate that does not convince; None when it is something else."""
    if "CERTIFICATE_VERIFY_FAILED" not in str(failed):
        return None
    why = str(failed).partition("certificate verify failed: ")[2].partition(" (_ssl")[0]
    return (
        f"{url} answers with a certificate that is not trusted here ({why}). Use the name that the certificate is for, "
        f"and for an authority of your own set {TLS_CA} to its file."
    )


def _detail(answer: httpx.Response) -> str:
    """The problem+json detail of an error answer, or what there is."""
    try:
        problem = answer.json()
    except ValueError:
        return f"HTTP {answer.status_code}"
    return str(problem.get("detail") or problem.get("title") or f"HTTP {answer.status_code}")
