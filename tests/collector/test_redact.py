"""What is found in captured text, and what is left alone."""

from __future__ import annotations

import string

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.privacy.patterns import CREDENTIALS, PERSONAL
from collector.privacy.redact import Redactor, scrub_secrets, scrub_text
from collector.settings import BUILTIN_REDACTIONS
from errors import ConfigError

EVERYTHING = Redactor(BUILTIN_REDACTIONS)

SECRETS = [
    "sk-proj-Ab3dEf6hIj9kLm2nOp5qRs8t",
    "sk-ant-api03-Zx9-Yw8_Vu7Ts6Rq5Po4",
    "sk-0123456789abcdef0123456789abcdef",
    "sk-or-v1-0123456789abcdef0123456789abcdef",
    "sk-lf-6f1c2a3b-1111-2222-3333-444455556666",
    "AIzaSyA1234567890abcdefghijklmnopqrstuvw",
    "ya29.a0AfH6SMBx1234567890abcdefghij",
    "AKIAIOSFODNN7EXAMPLE",
    "ghp_0123456789abcdefghijklmnopqrstuvwxyz",
    "github_pat_11ABCDEFG0123456789_abcdefghij",
    "glpat-ABCdef123456_7890xyz",
    "xoxb-123456789012-abcdefghijkl",
    "sk_live_0123456789abcdefghij",
    "hf_ABCDEFghijklMNOPqrstUVWX",
    "gsk_0123456789abcdefghijABCDEFGHIJ",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA7\nq0Jx\n-----END RSA PRIVATE KEY-----",
]
# (before, the secret, after): only the secret goes.
PLACED = [
    ("Authorization: Bearer ", "abcDEF123456ghi", "\nnext"),
    ("Authorization: Basic ", "cGstbGY6c2stbGY=", "\n"),
    ("x-api-key: ", "0123456789abcdef", " and more"),
    ("password=", "correcthorse", "&user=bob"),
    ("password: ", "correcthorse", "\nuser: bob"),
    ('"password": "', "two words", '"}'),
    ('\\"api_key\\": \\"', "zyxwvut", '\\"}'),
    ("client_secret='", "s3cr3t-value", "'"),
    ("postgresql://bob:", "", ""),
    ("AccountKey=", "Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4", ";EndpointSuffix=x"),
    ("https://x.blob.core.windows.net/c?sv=1&sig=", "abcdef%2Bghijkl", "&se=2"),
    ("Cookie: ", "session=0123abcd; theme=dark", "\nHost: x"),
    ("the token: ", "a1b2c3d4e5f6g7h8", "."),
]
EMAILS = ["jane.doe@example.com", "j+tag@sub.example.co.uk", "jürgen@müller.de", "a_b-c%d@x-y.org"]
PHONES = [
    "+49 30 1234567",
    "+1 (415) 555-2671",
    "+14155552671",
    "+44 20 7946 0958",
    "(415) 555-2671",
    "415-555-2671",
    "415.555.2671",
    "020 7946 0958",
    "0171 2345678",
    "01 23 45 67 89",
    "0049 30 1234567",
]
CARDS = [
    "4111 1111 1111 1111",
    "4111-1111-1111-1111",
    "5500005555555559",
    "2223003122003222",
    "3782 822463 10005",
    "6011111111111117",
    "30569309025904",
    "3530111333300000",
]
IBANS = [
    "DE89 3704 0044 0532 0130 00",
    "GB82WEST12345698765432",
    "FR1420041010050500013M02606",
    "NO9386011117947",
    "MT84 MALT 0110 0001 2345 MTLC AST0 01S",
]
CLEAN = [
    "At 2026-11-21 10:00, 2026-11-21T10:00:00.123456+01:00, 21/11/2026 and 01-02-2026 09:30",
    "trace 4bf92f3577b34da6a3ce929d0e0e4736, span 00f067aa0ba902b7, 550e8400-e29b-41d4-a716-446655440000",
    "used 1234 prompt tokens and 567 completion tokens, 1801 in all, of 128000; max_tokens: 4096, total_tokens=2048",
    "1795280309123456789 ns, 1795280309123456 us, 1795280309123 ms, 1795280309 s",
    "3.141592653589793, -0.5, 1e+10, +3.14159265, 4111111111111112, 192.168.0.1:8080, 10.0.0.1",
    "def f(password: str, api_key: Optional[str] = None) -> None: client = OpenAI(api_key=api_key)",
    'api_key = os.environ["OPENAI_API_KEY"]; password = get_password(); token = self.token; pwd = $PWD',
    'schema: {"password": {"type": "string"}, "api_key": null, "required": ["password"]}',
    "basic understanding of bearer responsibilities; the secret: always add butter; authorization: required",
    "task-list-of-all-the-things, risk-assessment-0123456789abcdefgh, sk-learn-pipeline",
    "git push origin main; see https://example.com/a/b?page=2&sort=asc#top and http://localhost:8080/x",
    "chatcmpl-9vQd0mGq2Xw7, msg_01XFDUDYJgAACzvnptvVoYEL, gpt-4o-2024-08-06, claude-sonnet-4-5-20250929",
    "@decorator\nasync def main(): ...  # user@host, foo@bar",
    "cookies: chocolate chip = best; A1B2 C3D4; AB12 is a shelf; 123-45-6789",
    "数据 données Größe emoji 🎉 \x00 \t end",
]

# Each call compiles its expressions; on a busy machine that takes a moment.
unhurried = settings(deadline=None, max_examples=100)

_WORDS = st.text(alphabet=string.ascii_letters + " ,.!?\n", max_size=60)


def redacted(text: str) -> str:
    """One text through the redactor."""
    texts, _ = EVERYTHING.redact(pa.array([text]))
    return str(texts[0])


@pytest.mark.parametrize("secret", SECRETS)
def test_a_key_is_known_by_its_form(secret: str) -> None:
    assert redacted(f"use {secret} now") == "use [redacted:secret] now"


@pytest.mark.parametrize(("before", "secret", "after"), [case for case in PLACED if case[1]])
def test_a_credential_is_known_by_what_stands_before_it(before: str, secret: str, after: str) -> None:
    assert redacted(before + secret + after) == f"{before}[redacted:secret]{after}"


def test_the_user_and_password_of_an_address_are_replaced_together() -> None:
    assert redacted("postgresql://bob:s3cr3t@db:5432/x") == "postgresql://[redacted:secret]@db:5432/x"


def test_a_private_key_that_is_cut_off_is_replaced_to_the_end() -> None:
    assert redacted("see -----BEGIN PRIVATE KEY-----\nMIIE\nabc") == "see [redacted:secret]"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (name, value)
        for name, values in {"email": EMAILS, "phone": PHONES, "card": CARDS, "iban": IBANS}.items()
        for value in values
    ],
)
def test_what_identifies_a_person_is_replaced(name: str, value: str) -> None:
    assert redacted(f"It is {value}, thanks") == f"It is [redacted:{name}], thanks"


@pytest.mark.parametrize("text", CLEAN)
def test_clean_text_stays_byte_for_byte(text: str) -> None:
    assert redacted(text) == text


@unhurried
@given(numbers=st.lists(st.integers(0, 10**12), max_size=20))
def test_counts_are_no_personal_data(numbers: list[int]) -> None:
    text = " ".join(f"{number} tokens," for number in numbers)
    assert redacted(text) == text


@unhurried
@given(
    st.lists(
        st.tuples(_WORDS, st.sampled_from([*SECRETS, *EMAILS, *PHONES, *CARDS, *IBANS])),
        min_size=1,
        max_size=4,
    )
)
def test_what_is_planted_in_text_is_found_and_counted_and_the_text_around_it_stays(
    planted: list[tuple[str, str]],
) -> None:
    # A line each: a value may take in what directly follows it on its own line (`+49 30 1234567 2026`).
    text = "".join(f"{words}\n{value}\n" for words, value in planted)
    [found], [n_found] = (column.to_pylist() for column in EVERYTHING.redact(pa.array([text])))
    assert not any(value in found for _, value in planted)
    assert n_found >= len(planted)
    assert all(words in found for words, _ in planted)


@unhurried
@given(
    st.lists(st.sampled_from([*SECRETS, *EMAILS, *CARDS, *CLEAN, *(a + b + c for a, b, c in PLACED)])).map(
        " ".join
    )
)
def test_redacting_again_changes_nothing(text: str) -> None:
    once = redacted(text)
    assert redacted(once) == once


@unhurried
@given(st.text(max_size=300))
def test_any_text_can_be_redacted(text: str) -> None:
    assert redacted(redacted(text)) == redacted(text)


def test_a_null_stays_null_and_counts_nothing() -> None:
    texts, counts = EVERYTHING.redact(pa.array([None, "a@b.de and c@d.de", ""]))
    assert texts.to_pylist() == [None, "[redacted:email] and [redacted:email]", ""]
    assert counts.to_pylist() == [0, 2, 0]


def test_a_mark_that_was_there_before_is_not_counted() -> None:
    _, counts = EVERYTHING.redact(pa.array(["[redacted:email] and a@b.de"]))
    assert counts.to_pylist() == [1]


def test_only_what_is_chosen_is_redacted() -> None:
    texts, _ = Redactor(["email"]).redact(pa.array(["a@b.de pays with 4111 1111 1111 1111"]))
    assert texts.to_pylist() == ["[redacted:email] pays with 4111 1111 1111 1111"]


def test_own_patterns_are_redacted_beside_the_built_in_ones() -> None:
    texts, counts = Redactor(["email"], {"ticket": "TICKET-[0-9]+"}).redact(pa.array(["TICKET-42 of a@b.de"]))
    assert texts.to_pylist() == ["[redacted:ticket] of [redacted:email]"]
    assert counts.to_pylist() == [2]


@pytest.mark.parametrize(
    ("regex", "said"), [("(", "not a regular expression"), ("(?=a)b", "RE2"), ("x*", "the empty text")]
)
def test_an_own_pattern_that_cannot_work_is_refused_by_name(regex: str, said: str) -> None:
    with pytest.raises(ConfigError, match=f"redact_patterns, mine.*{said}.*For example"):
        Redactor([], {"mine": regex})


def test_the_settings_name_every_built_in_redaction() -> None:
    assert {pattern.name for pattern in (*CREDENTIALS, *PERSONAL)} == set(BUILTIN_REDACTIONS)


def test_scrubbing_takes_credentials_and_leaves_people() -> None:
    assert scrub_text("a@b.de uses sk-proj-Ab3dEf6hIj9kLm2nOp5q") == "a@b.de uses [redacted:secret]"


def test_scrubbing_gives_back_the_very_array_when_there_is_nothing_to_scrub() -> None:
    texts = pa.array(["chat", None, "gpt-4o", "chat"])
    assert scrub_secrets(texts) is texts


def test_scrubbing_keeps_a_dictionary_a_dictionary() -> None:
    scrubbed = scrub_secrets(pa.array(["chat", "password=hunter2", None, "chat"]).dictionary_encode())
    assert scrubbed.to_pylist() == ["chat", "password=[redacted:secret]", None, "chat"]
    assert pa.types.is_dictionary(scrubbed.type)


def test_scrubbing_sees_only_the_part_of_an_array_that_it_was_given() -> None:
    texts = pa.array(["password=hunter2", "chat", "AKIAIOSFODNN7EXAMPLE", "stop"])
    assert scrub_secrets(texts.slice(1, 2)).to_pylist() == ["chat", "[redacted:secret]"]
    assert scrub_secrets(texts.slice(1, 1)).to_pylist() == ["chat"]


@unhurried
@given(st.lists(st.sampled_from([*SECRETS, *CLEAN, "chat", ""]), min_size=1, max_size=12))
def test_scrubbing_many_texts_together_finds_what_scrubbing_each_finds(texts: list[str]) -> None:
    assert scrub_secrets(pa.array(texts)).to_pylist() == [scrub_text(text) for text in texts]
