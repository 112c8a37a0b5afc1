"""Records (`/api/v1/records/...`) and rejects without credentials: their texts are stored as they come."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from collector.privacy.content import names_credential
from collector.privacy.patterns import SECRET
from collector.privacy.redact import mark, scrub_secrets


def scrub_record(body: bytes) -> bytes:
    """The JSON document without credentials in any of its texts; the very same bytes when there are none.

    Raises ValueError when the body is not JSON.
    """
    text = body.decode()
    # The whole document as one text first: almost none holds any, and this costs a millisecond a megabyte.
    whole = pa.array([text], pa.string())
    if scrub_secrets(whole) is whole and "\\u" not in text:
        return body
    document = json.loads(text)
    texts: list[str] = []
    _collect(document, texts)
    scrubbed = iter(scrub_secrets(pa.array(texts, pa.string())).to_pylist())
    return json.dumps(_with_texts(document, scrubbed)).encode()


def _collect(node: Any, texts: list[str]) -> None:
    """Every text of the document in the order in which `_with_texts` gives them back."""
    if isinstance(node, str):
        texts.append(node)
    elif isinstance(node, list):
        for item in node:
            _collect(item, texts)
    elif isinstance(node, dict):
        for value in node.values():
            _collect(value, texts)


def _with_texts(node: Any, texts: Iterator[str]) -> Any:
    if isinstance(node, str):
        return next(texts)
    if isinstance(node, list):
        return [_with_texts(item, texts) for item in node]
    if isinstance(node, dict):
        return {key: _member(key, _with_texts(value, texts)) for key, value in node.items()}
    return node


def _member(key: str, value: Any) -> Any:
    return mark(SECRET) if isinstance(value, str) and value and names_credential(key) else value
