"""A collector that other machines can reach: never without a key, and with TLS when it has a certificate."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from collector import keys, tls
from collector.settings import CollectorSettings
from collector.tls import certificate, server_context
from errors import ConfigError, ServerError
from store.remote import StoreClient
from store.trust import exactly, verification
from tests.evals.factories import a_suite
from tests.servers import STEELYARD, Server, free_ports, start_server
from tests.spans import a_call, export

# Beside `localhost`, as which the tests reach it: certificates are for a name, never for 127.0.0.1.
NAME = "collector.example"


def issue(folder: Path, name: str = "tls", *, days: int = 30, began_days_ago: int = 1) -> tuple[Path, Path]:
    """A certificate that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    began = datetime.now(UTC) - timedelta(days=began_days_ago)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(began)
        .not_valid_after(began + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME), x509.DNSName("localhost")]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    cert_path, key_path = folder / f"{name}.crt", folder / f"{name}.key"
    cert_path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    pkcs8 = serialization.PrivateFormat.PKCS8
    key_path.write_bytes(key.private_bytes(serialization.Encoding.PEM, pkcs8, plain))
    return cert_path, key_path


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A collector on every address of this machine, with TLS and one ingest key of project `search`."""
    folder = tmp_path_factory.mktemp("public")
    cert, key = issue(folder)
    (folder / "steelyard").mkdir()
    keys.add_key(folder / "steelyard", role="ingest", project="search", name="first")
    files = {"STEELYARD_TLS_CERT": str(cert), "STEELYARD_TLS_KEY": str(key)}
    with start_server(folder / "steelyard", env={"STEELYARD_HOST": "0.0.0.0", **files}) as running:
        yield running


@pytest.fixture(scope="module")
def token(server: Server) -> str:
    """A key that was there before the first request."""
    return keys.add_key(server.data_dir, role="ingest", project="search")[1]


def steelyard(*arguments: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(STEELYARD), *arguments],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def start_and_fail(data: Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    http, rpc, api = (str(port) for port in free_ports(3))
    ports = ("--otlp-http", http, "--otlp-grpc", rpc, "--api", api)
    return steelyard("collect", "--data", str(data), *ports, env=env)


def test_a_public_bind_without_a_key_refuses_to_start_and_says_how_to_make_one(tmp_path: Path) -> None:
    ended = start_and_fail(tmp_path / "data", {"STEELYARD_HOST": "0.0.0.0"})
    assert ended.returncode == 3
    assert "host = 0.0.0.0 is open to other machines" in ended.stderr
    assert "steelyard keys add --role ingest" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_public_bind_of_which_every_key_is_revoked_refuses_to_start(tmp_path: Path) -> None:
    key, _ = keys.add_key(tmp_path, role="ingest", project="search")
    keys.revoke_key(tmp_path, key.key_id)
    assert start_and_fail(tmp_path, {"STEELYARD_HOST": "0.0.0.0"}).returncode == 3


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "localhost", "::1"])
def test_these_are_this_machine_alone(host: str) -> None:
    assert not CollectorSettings(host=host).is_public


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.5", "0", "collector.example", "::ffff:10.0.0.5"])
def test_everything_else_is_public(host: str) -> None:
    assert CollectorSettings(host=host).is_public


def test_nobody_comes_in_over_the_network_without_a_key(server: Server, token: str) -> None:
    status, body = server.post("/v1/traces", export(a_call()))
    assert status == 401
    assert b"listens on 0.0.0.0" in body
    while server.post("/v1/traces", b"", x_api_key=token)[0] != 200:
        pass
    assert server.post("/v1/traces", export(a_call()), x_api_key=token)[0] == 200


def test_the_real_exporters_deliver_over_tls(
    server: Server, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # `requests` lets this variable win over what the exporter was told to trust.
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    while server.post("/v1/traces", b"", x_api_key=token)[0] != 200:
        pass
    assert server.certificate is not None
    url = server.receiver_url.replace("127.0.0.1", "localhost")
    exporter = OTLPSpanExporter(
        f"{url}/v1/traces", headers={"x-api-key": token}, certificate_file=str(server.certificate)
    )
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with provider.get_tracer("test").start_as_current_span("over-tls") as span:
        span.set_attributes({"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o"})
    provider.shutdown()
    server.wait_until_committed()
    assert server.value("select project from spans where span_name = 'over-tls'") == "search"


def test_grpc_serves_the_same_certificate(server: Server, token: str) -> None:
    assert server.certificate is not None
    credentials = grpc.ssl_channel_credentials(server.certificate.read_bytes())
    target = server.grpc_target.replace("127.0.0.1", "localhost")
    path = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
    with grpc.secure_channel(target, credentials) as channel:
        answer = channel.unary_unary(path)(
            export(a_call()), metadata=(("x-api-key", token),), timeout=30, wait_for_ready=True
        )
    assert answer == b""


def test_plain_http_is_not_spoken_where_tls_is(server: Server) -> None:
    with pytest.raises((urllib.error.URLError, ConnectionError)):
        urllib.request.urlopen(server.receiver_url.replace("https", "http") + "/healthz", timeout=10)


def test_a_command_trusts_the_certificate_of_its_own_data_directory(server: Server) -> None:
    # By the certificate itself: 127.0.0.1 is not among its names.
    ended = steelyard("sql", "select 42 as n", "--data", str(server.data_dir), "--format", "csv", env={})
    assert (ended.returncode, ended.stdout.split()) == (0, ["n", "42"])


def test_an_eval_run_beside_the_data_directory_delivers_over_tls(server: Server, tmp_path: Path) -> None:
    run = ("eval", "run", str(a_suite(tmp_path)), "--report-only", "--out", str(tmp_path / "runs"))
    ended = steelyard(*run, env={"STEELYARD_DATA": str(server.data_dir)})
    assert ended.returncode == 0, ended.stderr
    assert "not all delivered" not in ended.stderr
    server.wait_until_committed()
    assert server.value("select count(*) from calls where run_id is not null") == 8


def test_the_dashboard_reads_with_what_its_server_hands_it(server: Server) -> None:
    assert server.certificate is not None
    handed = {
        "STEELYARD_URL": server.api_url,
        "STEELYARD_CERTIFICATE": str(server.certificate),
        "STEELYARD_API_KEY": keys.read_local_token(server.data_dir) or "",
    }
    look = "from dashboard import source; print(source.health()['data_dir'], source.projects())"
    ended = subprocess.run(
        [sys.executable, "-c", look],
        env={**os.environ, **handed},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert str(server.data_dir) in ended.stdout


def test_a_client_elsewhere_trusts_the_authority_it_was_given_and_checks_the_name(server: Server) -> None:
    assert server.certificate is not None
    by_name = server.api_url.replace("127.0.0.1", "localhost")
    admin = keys.read_local_token(server.data_dir)
    trusted = verification(by_name, authorities=server.certificate)
    assert StoreClient(by_name, api_key=admin, verify=trusted).health()["status"] == "ok"
    for url, verify in ((by_name, None), (server.api_url, trusted)):
        with pytest.raises(ServerError, match="not trusted here"):
            StoreClient(url, api_key=admin, verify=verify).health()


def test_another_certificate_on_the_same_port_is_not_trusted(tmp_path: Path, server: Server) -> None:
    other, _ = issue(tmp_path)
    with pytest.raises(ServerError, match="not trusted here"):
        StoreClient(server.api_url, verify=verification(server.api_url, certificate=other)).health()


def test_the_banner_shows_the_address_that_others_use(server: Server) -> None:
    said = server.said()
    assert f"OTEL_EXPORTER_OTLP_ENDPOINT=https://{socket.gethostname()}:" in said
    assert "x-api-key=sy_" in said
    assert "unencrypted" not in said


def settings_with(cert: Path | None, key: Path | None) -> CollectorSettings:
    return CollectorSettings(tls_cert=cert, tls_key=key)


def test_one_file_of_two_is_not_tls(tmp_path: Path) -> None:
    cert, key = issue(tmp_path)
    with pytest.raises(ConfigError, match="tls_cert is given and tls_key is not"):
        certificate(settings_with(cert, None))
    with pytest.raises(ConfigError, match="tls_key is given and tls_cert is not"):
        certificate(settings_with(None, key))
    assert certificate(settings_with(None, None)) is None


def test_a_certificate_that_cannot_be_served_is_told_at_the_start(tmp_path: Path) -> None:
    cert, key = issue(tmp_path)
    other = issue(tmp_path, "other")[1]
    old = issue(tmp_path, "old", days=1, began_days_ago=3)
    early = issue(tmp_path, "early", began_days_ago=-2)
    (tmp_path / "junk").write_text("junk")
    for pair, said in (
        ((cert, other), "is not the private key of"),
        (old, "expired on 20"),
        (early, "is not valid before 20"),
        ((tmp_path / "none", key), "No such file"),
        ((tmp_path / "junk", key), "PEM"),
        ((cert, tmp_path / "junk"), "PEM"),
    ):
        with pytest.raises(ConfigError, match=said):
            certificate(settings_with(*pair))
    found = certificate(settings_with(cert, key))
    assert found is not None
    assert found.valid_until.date() == (datetime.now(UTC) + timedelta(days=29)).date()


def test_an_expired_certificate_ends_the_command_with_its_date(tmp_path: Path) -> None:
    cert, key = issue(tmp_path, days=1, began_days_ago=3)
    ended = start_and_fail(
        tmp_path / "data", {"STEELYARD_TLS_CERT": str(cert), "STEELYARD_TLS_KEY": str(key)}
    )
    assert ended.returncode == 3
    assert f"{cert} expired on" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_tls_of_before_2008_is_not_spoken(tmp_path: Path) -> None:
    cert, key = issue(tmp_path)
    context = server_context(settings_with(cert, key))
    assert context is not None
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2


def test_a_renewed_certificate_is_served_without_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tls, "LOOK_EVERY_S", 0.05)
    cert, key = issue(tmp_path)
    context = server_context(settings_with(cert, key))
    assert context is not None
    old = exactly(cert)
    assert greets(context, old)
    issue(tmp_path)
    give_up_at = time.monotonic() + 20
    while not greets(context, exactly(cert)):
        assert time.monotonic() < give_up_at
        time.sleep(0.05)
    assert not greets(context, old)
    key.write_text("broken")
    time.sleep(0.3)
    assert greets(context, exactly(cert))


def greets(serving: ssl.SSLContext, asking: ssl.SSLContext) -> bool:
    """Whether a client that trusts this much completes a handshake."""
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = asking.wrap_bio(to_client, to_server)
    server = serving.wrap_bio(to_server, to_client, server_side=True)
    try:
        for side in (client, server, client):
            with contextlib.suppress(ssl.SSLWantReadError):
                side.do_handshake()
    except ssl.SSLError:
        return False
    return True
