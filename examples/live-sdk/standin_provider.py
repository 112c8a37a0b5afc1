"""A stand-in for a model provider: OpenAI's wire protocol on a loopback port, without a model or a key.

    python examples/live-sdk/standin_provider.py 9999     # then: OpenAI(base_url="http://127.0.0.1:9999/v1")

Chat completions (plain and streamed), embeddings, and errors as the real API words them. Answers and token
counts follow from the request alone; only response ids are new each time, as they are at a real provider.
"""

from __future__ import annotations

import hashlib
import json
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

# Asked-for name -> the dated name that answers, as the real API does.
CHAT_MODELS = {"gpt-5.4-mini": "gpt-5.4-mini-2026-03-17", "gpt-5.4": "gpt-5.4-2026-03-05"}
EMBEDDING_MODELS = ("text-embedding-3-small",)
BUSY_MODEL = "gpt-5.4"  # every first request for it is refused with 429, the second is answered

FIRST_TOKEN_S = 0.04
NEXT_TOKEN_S = 0.003
ANSWER = "A steelyard is a balance with unequal arms: a weight slides along the long one until it levels."


class Provider(ThreadingHTTPServer):
    """The server, and the one thing it remembers: whether the busy model has refused the last request."""

    daemon_threads = True

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self._lock = threading.Lock()
        self._just_refused = False

    def refuses_now(self) -> bool:
        with self._lock:
            self._just_refused = not self._just_refused
            return self._just_refused

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


@contextmanager
def running(port: int = 0) -> Iterator[Provider]:
    """A provider in a thread, on a free port unless one is given."""
    provider = Provider(port)
    threading.Thread(target=provider.serve_forever, daemon=True).start()
    try:
        yield provider
    finally:
        provider.shutdown()
        provider.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Provider

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        match self.path:
            case "/v1/chat/completions":
                self._chat(asked)
            case "/v1/embeddings":
                self._embeddings(asked)
            case _:
                self._refuse(404, "invalid_request_error", f"Invalid URL (POST {self.path})")

    def _chat(self, asked: dict[str, Any]) -> None:
        model = asked["model"]
        if model not in CHAT_MODELS:
            self._refuse(
                404, "invalid_request_error", f"The model `{model}` does not exist", "model_not_found"
            )
        elif model == BUSY_MODEL and self.server.refuses_now():
            self._refuse(429, "requests", "Rate limit reached", "rate_limit_exceeded")
        elif asked.get("stream"):
            self._stream(asked)
        else:
            time.sleep(FIRST_TOKEN_S + NEXT_TOKEN_S * len(ANSWER.split()))
            message = {"role": "assistant", "content": ANSWER, "refusal": None, "annotations": []}
            choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
            self._answer(
                200, {**_head("chat.completion", model), "choices": [choice], "usage": _usage(asked)}
            )

    def _stream(self, asked: dict[str, Any]) -> None:
        head = _head("chat.completion.chunk", asked["model"])
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        time.sleep(FIRST_TOKEN_S)
        for word in ANSWER.split():
            self._event(
                {**head, "choices": [{"index": 0, "delta": {"content": f"{word} "}, "finish_reason": None}]}
            )
            time.sleep(NEXT_TOKEN_S)
        self._event({**head, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        if asked.get("stream_options", {}).get("include_usage"):
            self._event({**head, "choices": [], "usage": _usage(asked)})
        self.wfile.write(b"data: [DONE]\n\n")
        self.close_connection = True

    def _event(self, chunk: dict[str, Any]) -> None:
        self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())

    def _embeddings(self, asked: dict[str, Any]) -> None:
        if asked["model"] not in EMBEDDING_MODELS:
            self._refuse(
                404,
                "invalid_request_error",
                f"The model `{asked['model']}` does not exist",
                "model_not_found",
            )
            return
        texts = [asked["input"]] if isinstance(asked["input"], str) else asked["input"]
        n_tokens = sum(_tokens(text) for text in texts)
        data = [
            {"object": "embedding", "index": i, "embedding": _vector(text)} for i, text in enumerate(texts)
        ]
        usage = {"prompt_tokens": n_tokens, "total_tokens": n_tokens}
        self._answer(200, {"object": "list", "model": asked["model"], "data": data, "usage": usage})

    def _refuse(self, status: int, kind: str, message: str, code: str | None = None) -> None:
        self._answer(status, {"error": {"message": message, "type": kind, "param": None, "code": code}})

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's signature
        """Quiet: the app tells the story."""


def _head(kind: str, model: str) -> dict[str, Any]:
    response_id = f"chatcmpl-{uuid.uuid4().hex[:24]}"
    return {"id": response_id, "object": kind, "created": int(time.time()), "model": CHAT_MODELS[model]}


def _usage(asked: dict[str, Any]) -> dict[str, Any]:
    """As OpenAI counts: the totals include the prompt's cached part and the answer's reasoning part."""
    prompt = sum(_tokens(message["content"]) for message in asked["messages"])
    cached = prompt // 128 * 128 if prompt >= 1024 else 0
    answer = _tokens(ANSWER)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": answer,
        "total_tokens": prompt + answer,
        "prompt_tokens_details": {"cached_tokens": cached, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    }


def _tokens(text: str) -> int:
    """Four tokens for three words, the usual rule of thumb."""
    return max(1, len(text.split()) * 4 // 3)


def _vector(text: str) -> list[float]:
    return [byte / 255 - 0.5 for byte in hashlib.sha256(text.encode()).digest()[:8]]


if __name__ == "__main__":
    with running(int(sys.argv[1]) if len(sys.argv) > 1 else 0) as served:
        print(f"OPENAI_BASE_URL={served.base_url}", flush=True)
        threading.Event().wait()
