"""The policy of access: whom a request's headers make of its sender, and what the key file keeps."""

from __future__ import annotations

import base64
import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from collector import keys
from collector.keyring import (
    LOOK_EVERY_S,
    ForbiddenError,
    Keyring,
    KeysUnreadableError,
    NotAProjectError,
    UnauthenticatedError,
)
from collector.keys import Caller
from errors import ConfigError, DataDirError

LONGER_THAN_A_LOOK_S = LOOK_EVERY_S + 0.05


def a_keyring(data: Path, *, is_public: bool = False, require_keys: bool = False) -> Keyring:
    host = "0.0.0.0" if is_public else "127.0.0.1"
    return Keyring(data, host=host, is_public=is_public, require_keys=require_keys)


def a_token(data: Path, role: str = "ingest", project: str = "search", **bound: str) -> str:
    return keys.add_key(data, role=role, project=project, **bound)[1]


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def basic(text: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(text.encode()).decode()}


def refusal(keyring: Keyring, headers: dict[str, str]) -> str:
    with pytest.raises(UnauthenticatedError) as refused:
        keyring.caller(headers)
    return str(refused.value)


def test_a_key_says_who_the_caller_is(tmp_path: Path) -> None:
    token = a_token(tmp_path, tenant="acme", environment="prod")
    key = keys.read_keys(tmp_path)[0]
    assert a_keyring(tmp_path).caller(bearer(token)) == Caller(
        "search", key.key_id, "acme", "prod", "ingest", every_project=False
    )


@pytest.mark.parametrize(
    "headers",
    [
        lambda token: {"authorization": f"Bearer {token}"},
        lambda token: {"authorization": f"bearer   {token} "},
        lambda token: {"authorization": token},
        lambda token: basic(f"pk-lf-anything:{token}"),
        lambda token: basic(f"{token}:"),
        lambda token: {"x-api-key": token},
        lambda token: {"api-key": token},
        # Somebody else's credentials beside ours: a gateway in between may want them.
        lambda token: {"authorization": "Bearer for-the-gateway", "x-api-key": token},
    ],
)
def test_a_key_is_found_wherever_exporters_put_it(tmp_path: Path, headers) -> None:  # type: ignore[no-untyped-def]
    token = a_token(tmp_path)
    assert a_keyring(tmp_path, is_public=True).caller(headers(token)).project == "search"


def test_an_unknown_id_and_a_wrong_secret_get_the_same_answer(tmp_path: Path) -> None:
    token = a_token(tmp_path)
    key_id = keys.key_id_of(token)
    keyring = a_keyring(tmp_path)
    wrong_secret = refusal(keyring, bearer(f"sy_ingest_{key_id}_{'0' * 64}"))
    assert refusal(keyring, bearer(f"sy_ingest_aaaaaaaaaa_{'0' * 64}")) == wrong_secret
    assert refusal(keyring, bearer("sy_")) == wrong_secret
    assert refusal(keyring, bearer(token + "é")) == wrong_secret


def test_a_token_of_which_the_role_was_changed_is_no_key(tmp_path: Path) -> None:
    token = a_token(tmp_path)
    assert "not known" in refusal(a_keyring(tmp_path), bearer(token.replace("sy_ingest_", "sy_admin_")))


def test_no_refusal_repeats_what_was_presented(tmp_path: Path) -> None:
    token = a_token(tmp_path)
    keyring = a_keyring(tmp_path)
    for presented in (bearer(token[:-1] + "x"), bearer("hunter2-secret"), basic("pk:hunter2-secret")):
        said = refusal(keyring, presented)
        assert "hunter2" not in said
        assert token[20:-1] not in said


def test_a_key_added_and_revoked_counts_a_moment_later(tmp_path: Path) -> None:
    keyring = a_keyring(tmp_path, require_keys=True)
    assert "needed" in refusal(keyring, {})
    token = a_token(tmp_path)
    time.sleep(LONGER_THAN_A_LOOK_S)
    assert keyring.caller(bearer(token)).project == "search"
    keys.revoke_key(tmp_path, keys.key_id_of(token))
    time.sleep(LONGER_THAN_A_LOOK_S)
    assert "was revoked at" in refusal(keyring, bearer(token))


def test_the_holder_of_a_wrong_secret_does_not_learn_that_a_key_was_revoked(tmp_path: Path) -> None:
    token = a_token(tmp_path)
    keys.revoke_key(tmp_path, keys.key_id_of(token))
    assert "not known" in refusal(a_keyring(tmp_path), bearer(token[:-1] + "x"))


def test_without_keys_a_program_on_this_machine_names_its_project(tmp_path: Path) -> None:
    keyring = a_keyring(tmp_path)
    assert keyring.caller({}) == Caller("default")
    assert keyring.caller({"x-steelyard-project": "team-b"}) == Caller("team-b")
    with pytest.raises(NotAProjectError):
        keyring.caller({"x-steelyard-project": "../etc"})


def test_a_placeholder_of_another_product_is_ignored_until_there_is_a_key(tmp_path: Path) -> None:
    keyring = a_keyring(tmp_path)
    assert keyring.caller(bearer("dummy")) == Caller("default")
    assert keyring.caller(basic("pk-lf-1:sk-lf-2")) == Caller("default")
    a_token(tmp_path)
    time.sleep(LONGER_THAN_A_LOOK_S)
    assert "not a Steelyard access key" in refusal(keyring, bearer("dummy"))
    assert keyring.caller({}) == Caller("default")


def test_a_key_of_ours_is_checked_even_where_there_are_none(tmp_path: Path) -> None:
    assert "not known" in refusal(a_keyring(tmp_path), bearer(f"sy_ingest_aaaaaaaaaa_{'0' * 64}"))


def test_a_revoked_key_is_still_a_key_that_was_made(tmp_path: Path) -> None:
    keys.revoke_key(tmp_path, keys.key_id_of(a_token(tmp_path)))
    assert "not a Steelyard access key" in refusal(a_keyring(tmp_path), bearer("dummy"))


@pytest.mark.parametrize("header", ["forwarded", "x-forwarded-for", "x-real-ip", "via"])
def test_what_a_proxy_forwards_is_not_from_this_machine(tmp_path: Path, header: str) -> None:
    keyring = a_keyring(tmp_path)
    assert f"came through a proxy ({header})" in refusal(keyring, {header: "203.0.113.9"})
    token = a_token(tmp_path)
    time.sleep(LONGER_THAN_A_LOOK_S)
    assert keyring.caller({header: "203.0.113.9", **bearer(token)}).project == "search"


def test_a_public_collector_lets_nobody_in_without_a_key(tmp_path: Path) -> None:
    keyring = a_keyring(tmp_path, is_public=True)
    assert "listens on 0.0.0.0" in refusal(keyring, {})
    # Also when the last key file is gone: a missing file must not be an open door.
    assert refusal(keyring, bearer("dummy"))


def test_a_key_is_the_wall_around_its_project(tmp_path: Path) -> None:
    keyring = a_keyring(tmp_path)
    token = a_token(tmp_path)
    assert keyring.caller({**bearer(token), "x-steelyard-project": "search"}).project == "search"
    with pytest.raises(ForbiddenError, match=r"'billing'.*belongs to project 'search'"):
        keyring.caller({**bearer(token), "x-steelyard-project": "billing"})


def test_an_admin_of_every_project_names_the_one_it_means(tmp_path: Path) -> None:
    token = a_token(tmp_path, "admin", "*")
    caller = a_keyring(tmp_path).caller({**bearer(token), "x-steelyard-project": "billing"})
    assert (caller.project, caller.role, caller.every_project) == ("billing", "admin", True)


def test_the_owners_token_lets_in_when_nothing_else_does(tmp_path: Path) -> None:
    token = keys.write_local_token(tmp_path)
    (tmp_path / "keys.json").write_text("damaged")
    keyring = a_keyring(tmp_path, is_public=True)
    assert keyring.caller(bearer(token)).role == "owner"
    with pytest.raises(KeysUnreadableError):
        keyring.caller({})


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        '{"version": 1}',
        '{"version": 1, "keys": [1]}',
        '{"version": 1, "keys": [{"key_id": "a"}]}',
        '{"version": 2, "keys": []}',
    ],
)
def test_a_damaged_key_file_opens_no_door_and_is_our_own_trouble(
    tmp_path: Path, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "keys.json").write_text(content)
    keyring = a_keyring(tmp_path)
    for headers in ({}, bearer("sy_x"), bearer("dummy")):
        with pytest.raises(KeysUnreadableError):
            keyring.caller(headers)
    assert "keys.json" in caplog.text


def test_a_repaired_key_file_lets_in_again(tmp_path: Path) -> None:
    token = a_token(tmp_path)
    whole = (tmp_path / "keys.json").read_bytes()
    keyring = a_keyring(tmp_path)
    (tmp_path / "keys.json").write_text("{")
    with pytest.raises(KeysUnreadableError):
        keyring.caller(bearer(token))
    (tmp_path / "keys.json").write_bytes(whole)
    time.sleep(LONGER_THAN_A_LOOK_S)
    assert keyring.caller(bearer(token)).project == "search"


def test_the_file_keeps_no_key_and_is_for_its_owner_alone(tmp_path: Path) -> None:
    key, token = keys.add_key(tmp_path, role="read", project="search", name="dashboard of finance")
    stored = (tmp_path / "keys.json").read_text()
    assert token not in stored
    assert token.rsplit("_", 1)[1] not in stored
    assert json.loads(stored)["version"] == 1
    assert (tmp_path / "keys.json").stat().st_mode & 0o777 == 0o600
    assert (key.hint, key.name) == (token[-4:], "dashboard of finance")
    assert key.hash not in repr(key)
    assert [path.name for path in tmp_path.iterdir()] == ["keys.json"]


def test_a_token_has_256_random_bits_and_a_prefix_that_scanners_find(tmp_path: Path) -> None:
    first, second = a_token(tmp_path), a_token(tmp_path)
    assert first.startswith("sy_ingest_")
    assert len(bytes.fromhex(first.rsplit("_", 1)[1])) == 32
    assert first.rsplit("_", 1)[1] != second.rsplit("_", 1)[1]


def test_keys_that_are_added_at_the_same_time_are_all_kept(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: a_token(tmp_path), range(24)))
    assert {keys.key_id_of(token) for token in made} == {key.key_id for key in keys.read_keys(tmp_path)}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"role": "root"}, "Roles: ingest, viewer, engineer, read, finance, admin"),
        ({"project": "Über"}, "cannot name a project"),
        ({"project": "*"}, "for admin keys"),
        ({"role": "admin", "tenant": "acme"}, "leave out --tenant"),
        ({"tenant": "a\nb"}, "--tenant"),
        ({"name": "x" * 200}, "--name"),
    ],
)
def test_a_key_that_cannot_be_is_refused_in_words(tmp_path: Path, wrong: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        keys.add_key(tmp_path, **{"role": "ingest", "project": "search", **wrong})
    assert not (tmp_path / "keys.json").exists()


def test_a_damaged_file_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text("{")
    with pytest.raises(DataDirError, match="damaged"):
        a_token(tmp_path)
    assert (tmp_path / "keys.json").read_text() == "{"
