"""What the spool kept of one accepted OTLP request, whatever its signal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa


@dataclass(frozen=True)
class Request:
    """One accepted request: its protobuf bytes, when they came and for whom."""

    body: bytes
    project: str
    received_at_us: int
    batch_id: str
    # What the access key is bound to; "" where it is not.
    tenant: str = ""
    environment: str = ""


def request_columns(
    requests: Sequence[Request], request_of_item: npt.NDArray[np.int64]
) -> dict[str, pa.Array]:
    """Of each item (span, log record, metric) what its request knows."""
    taken = pa.array(request_of_item)
    received = pa.array([request.received_at_us for request in requests], pa.int64()).cast(pa.timestamp("us"))
    texts = {
        "project": [request.project for request in requests],
        "batch_id": [request.batch_id for request in requests],
        "key_tenant_id": [request.tenant or None for request in requests],
        "key_environment": [request.environment or None for request in requests],
    }
    columns = {name: pa.array(values, pa.string()).take(taken) for name, values in texts.items()}
    return columns | {"received_at": received.take(taken)}
