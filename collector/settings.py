"""Everything about a collector that can be set: read once in the entry point, then passed down.

Sources, strongest first: flags, `STEELYARD_*` environment variables, `steelyard.toml` in the working directory.
"""

from __future__ import annotations

import ipaddress
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from errors import ConfigError

MEGABYTE = 1_000_000
DEFAULT_DATA_DIR = Path(".steelyard")


class CollectorSettings(BaseSettings):
    """One collector: where its data is, where it listens, and how much it takes."""

    model_config = SettingsConfigDict(
        env_prefix="STEELYARD_",
        toml_file="steelyard.toml",
        frozen=True,
        extra="ignore",
        populate_by_name=True,
    )

    data: Path = Field(DEFAULT_DATA_DIR, description="the data directory")
    host: str = Field("127.0.0.1", description="the address everything listens on")
    otlp_http: int = Field(4318, ge=1, le=65535, description="OTLP/HTTP port")
    otlp_grpc: int = Field(4317, ge=1, le=65535, description="OTLP/gRPC port")
    api: int = Field(4319, ge=1, le=65535, description="read API port")
    dashboard: int = Field(8501, ge=1, le=65535, description="dashboard port")
    # OpenTelemetry recommends 64 MiB as the default limit of one request, before and after decompression.
    body_max_bytes: int = Field(64 * 1024 * 1024, ge=1024, description="largest request body")
    spool_max_bytes: int = Field(
        2_000 * MEGABYTE, ge=MEGABYTE, description="telemetry waiting to be committed"
    )
    # What must stay free on the disk for the store to commit what is already acknowledged.
    disk_reserve_bytes: int = Field(
        64 * MEGABYTE, ge=0, description="free disk space below which new data is refused"
    )
    segment_max_bytes: int = Field(8 * MEGABYTE, ge=1024, description="size at which a spool segment rolls")
    segment_max_age_ms: int = Field(200, ge=10, le=10_000, description="age at which a spool segment rolls")
    store_memory_mb: int = Field(2048, ge=256, description="memory limit of the store")

    @field_validator("host")
    @classmethod
    def _loopback_only(cls, host: str) -> str:
        if host != "localhost" and not _is_loopback(host):
            raise ValueError(
                "is not a loopback address, and a public bind needs access keys, which this version does not have; "
                "put an authenticating proxy in front, and keep host = 127.0.0.1"
            )
        return host

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)

    @property
    def store_path(self) -> Path:
        return self.data / "store.duckdb"

    @property
    def spool_dir(self) -> Path:
        return self.data / "spool"

    @property
    def receiver_url(self) -> str:
        return f"http://{self.host}:{self.otlp_http}"

    @property
    def api_url(self) -> str:
        return f"http://{self.host}:{self.api}"

    @property
    def dashboard_url(self) -> str:
        return f"http://{self.host}:{self.dashboard}"


def load_settings(flags: Mapping[str, Any] | None = None) -> CollectorSettings:
    """The settings of this process; flags that are None were not given. Raises ConfigError that names the key."""
    given = {name: value for name, value in (flags or {}).items() if value is not None}
    try:
        settings = CollectorSettings(**given)
    except ValidationError as wrong:
        raise ConfigError("\n".join(_explain(error) for error in wrong.errors())) from None
    except tomllib.TOMLDecodeError as wrong:
        raise ConfigError(f"steelyard.toml is not valid TOML: {wrong}") from None
    return settings.model_copy(update={"data": settings.data.expanduser().absolute()})


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _explain(error: Any) -> str:
    key = str(error["loc"][0]) if error["loc"] else "settings"
    field = CollectorSettings.model_fields.get(key)
    example = f" For example: STEELYARD_{key.upper()}={field.default}" if field is not None else ""
    why = str(error["msg"]).removeprefix("Value error, ")
    return f"setting {key} = {error['input']!r}: {why}.{example}"
