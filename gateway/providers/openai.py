"""OpenAI's chat-completions protocol, spoken by OpenAI and by most local and hosted servers.

Address: the suite's `base_url`, else OPENAI_BASE_URL, else api.openai.com. Key: OPENAI_API_KEY, which a
server on this machine does not need. The key appears in no error, span or log.
"""

from __future__ import annotations

import email.utils
import ipaddress
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import aiohttp

from errors import ProviderError
from gateway.call import CallError, Completion, ErrorClass, Request, Usage

if TYPE_CHECKING:
    from gateway.providers import Options

DEFAULT_BASE_URL = "https://api.openai.com/v1"

_STATUS_CLASSES: dict[int, ErrorClass] = {
    401: "auth",
    403: "auth",
    408: "timeout",
    409: "server",
    429: "rate_limit",
    504: "timeout",
}


@dataclass(frozen=True)
class _Answer:
    """A whole HTTP answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Provider:
    """One OpenAI-compatible server.

    Spoken with aiohttp itself: 0.3 ms CPU a request at 50 connections, where httpx over the aiohttp transport
    takes 1.0 (2,000 requests of 50 ms, 2 cores) and httpx over its own pool several times that.
    """

    name = "openai"

    def __init__(self, options: Options) -> None:
        base_url = options.base_url or os.environ.get("OPENAI_BASE_URL") or DEFAULT_BASE_URL
        if urlsplit(base_url).scheme not in ("http", "https"):
            raise ProviderError(
                f"{base_url!r} is not an address. Example: base_url: http://127.0.0.1:11434/v1"
            )
        key = os.environ.get("OPENAI_API_KEY", "").strip()
        self._is_local = _is_loopback(base_url)
        if not key and not self._is_local:
            raise ProviderError(
                f"OPENAI_API_KEY is not set, and {base_url} needs a key. Set it "
                "(export OPENAI_API_KEY=sk-…), or run offline with `--provider fake`."
            )
        self._url = f"{base_url.rstrip('/')}/chat/completions"
        self._headers = {"content-type": "application/json"} | (
            {"authorization": f"Bearer {key}"} if key else {}
        )
        self._options = options
        self._session: aiohttp.ClientSession | None = None

    async def complete(self, request: Request) -> Completion:
        """One attempt. Raises CallError with the class that decides about retries."""
        body = {
            "model": request.model,
            "messages": [{"role": message.role, "content": message.content} for message in request.messages],
            **request.params,
        }
        try:
            answer = await self._post(json.dumps(body).encode())
        except (aiohttp.ClientError, TimeoutError) as failed:
            raise _transport_failure(failed) from failed
        if answer.status != 200:
            raise _refusal(answer)
        return _completion(answer)

    async def aclose(self) -> None:
        if self._session:
            await self._session.close()

    async def _post(self, body: bytes) -> _Answer:
        self._session = self._session or self._open()
        async with self._session.post(
            self._url, data=body, headers=self._headers, allow_redirects=False
        ) as answer:
            return _Answer(answer.status, answer.headers, await answer.read())

    def _open(self) -> aiohttp.ClientSession:
        """A session belongs to the event loop it was made in, so the first request makes it."""
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._options.max_connections),
            # One deadline for the whole attempt: per-read time-outs let a server that trickles hang a run.
            timeout=aiohttp.ClientTimeout(total=self._options.timeout_s),
            # A proxy meant for the internet never sees a server on this machine.
            trust_env=not self._is_local,
        )


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _transport_failure(failed: Exception) -> CallError:
    """What broke below HTTP."""
    if isinstance(failed, TimeoutError):
        return CallError("timeout", "no answer in time", retryable=True)
    if isinstance(failed, (aiohttp.ClientPayloadError, aiohttp.ClientResponseError)):
        return CallError("server", "the answer was cut off or is not HTTP", retryable=True)
    return CallError("connection", f"connection failed ({type(failed).__name__})", retryable=True)


def _refusal(answer: _Answer) -> CallError:
    """An answer that is not 200. The server's message may quote the prompt, so only its code is kept."""
    status = answer.status
    code = _error_code(answer)
    error_class = _STATUS_CLASSES.get(status, "server" if status >= 500 else "bad_request")
    if code == "content_filter":
        error_class = "content_filter"
    # An empty account answers 429 too; waiting does not fill it.
    retryable = code not in ("insufficient_quota", "content_filter") and (
        status in (408, 409, 429) or status >= 500
    )
    detail = f"HTTP {status}" + (f" ({code})" if code else "")
    return CallError(
        error_class,
        detail,
        retryable=retryable,
        http_status=status,
        retry_after_s=_retry_after_s(answer.headers),
    )


def _error_code(answer: _Answer) -> str | None:
    try:
        error = json.loads(answer.body)["error"]
        code = error.get("code") or error.get("type")
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    # A code is a short word; anything longer could be prose with the user's text in it.
    return code if isinstance(code, str) and len(code) <= 40 and " " not in code else None


def _retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Seconds from `retry-after-ms` (OpenAI's), or Retry-After as seconds or as a date (RFC 9110)."""
    try:
        if milliseconds := headers.get("retry-after-ms"):
            return max(0.0, float(milliseconds) / 1000)
        value = headers.get("retry-after")
        if value is None:
            return None
        if value.strip().replace(".", "", 1).isdigit():
            return float(value)
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return None


def _completion(answer: _Answer) -> Completion:
    try:
        body = json.loads(answer.body)
        choice = body["choices"][0]
        text = choice["message"].get("content") or choice["message"].get("refusal") or ""
        completion = Completion(
            text=text if isinstance(text, str) else "",
            usage=_usage(body.get("usage") or {}),
            model_answered=body.get("model"),
            response_id=body.get("id"),
            finish_reason=choice.get("finish_reason"),
            http_status=answer.status,
        )
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as failed:
        raise CallError(
            "server", "the answer is not a chat completion", retryable=True, http_status=answer.status
        ) from failed
    if completion.finish_reason == "content_filter":
        raise CallError("content_filter", "the answer was filtered", http_status=200, completion=completion)
    return completion


def _usage(reported: Mapping[str, Any]) -> Usage:
    cached = (reported.get("prompt_tokens_details") or {}).get("cached_tokens")
    reasoning = (reported.get("completion_tokens_details") or {}).get("reasoning_tokens")
    return Usage(reported.get("prompt_tokens"), reported.get("completion_tokens"), cached, reasoning)
