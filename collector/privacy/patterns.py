r"""What is recognised in text: credentials, and what identifies a person. Data, and why each is written as it is.

A `Pattern` is RE2: linear in the text whatever the text, and without look-around. What a regular expression alone cannot
decide (a check sum, whether `password: x` is a password or a type) is `Checked`: RE2 finds the texts that may hold
one, and Python looks at the candidates in those texts only.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from collector.privacy import checks


@dataclass(frozen=True)
class Pattern:
    """Replaced wherever it matches; `{}` in `becomes` stands for the mark (RE2 rewrite: `\\1` is the first group).

    `hint` matches every text in which `regex` does, where a cheaper expression can. A hint never matches
    across a line break.
    """

    name: str
    regex: str
    becomes: str = "{}"
    hint: str = ""


@dataclass(frozen=True)
class Checked:
    """Replaced where `find` says so of a match of `candidate` (Python syntax).

    `hint` (RE2) matches every text with a candidate; `find` returns the part to replace, or None.
    """

    name: str
    hint: str
    candidate: re.Pattern[str]
    find: Callable[[re.Match[str]], checks.Span | None]


SECRET = "secret"

# What stands before a number that is none of ours: a longer number, a word, an address.
_APART = r"(^|[^\w.+/:-])"

# A key's own prefix is enough to know it. The lengths leave `sk-learn-pipeline` and `task-list` alone.
_KEYS_WITH_PREFIX = (
    # OpenAI, Anthropic, OpenRouter, DeepSeek, Langfuse and others of the sk- family
    r"\b[sp]k-(?:ant|proj|svcacct|admin|or|lf|None)-[A-Za-z0-9_-]{10,}",
    r"\bsk-(?:[a-z0-9]+-)*[A-Za-z0-9_]{16,}",
    # Google
    r"\bAIza[A-Za-z0-9_-]{30,}",
    r"\bya29\.[A-Za-z0-9_-]{20,}",
    r"\bGOCSPX-[A-Za-z0-9_-]{20,}",
    # AWS: key ids, Bedrock
    r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}",
    r"\bABSK[A-Za-z0-9+/]{40,}=*",
    r"\bbedrock-api-key-[A-Za-z0-9+/=_-]{20,}",
    # GitHub, GitLab
    r"\bgh[pousr]_[A-Za-z0-9]{20,}",
    r"\bgithub_pat_[A-Za-z0-9_]{20,}",
    r"\bgl(?:pat|dt|rt|cbt|ptt|ft|soat|agent|imt|ffct)-[A-Za-z0-9_.-]{16,}",
    # Slack, Stripe, Hugging Face
    r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}",
    r"\bxapp-[A-Za-z0-9-]{10,}",
    r"hooks\.slack\.com/services/[A-Za-z0-9/_-]{10,}",
    r"\b[rs]k_(?:live|test)_[A-Za-z0-9]{10,}",
    r"\bwhsec_[A-Za-z0-9+/=]{16,}",
    r"\bhf_[A-Za-z0-9]{20,}",
    # Other model vendors, observability, package registries, vaults
    r"\b(?:gsk|pcsk|npm|shpat|sbp|r8)_[A-Za-z0-9_]{20,}",
    r"\b(?:nvapi|tvly|pplx|xai)-[A-Za-z0-9_-]{20,}",
    r"\b(?:pylf_v[0-9]+|lsv2|dop_v1)_[A-Za-z0-9_]{20,}",
    r"\bdapi[0-9a-f]{32}",
    r"\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}",
    r"\bpypi-[A-Za-z0-9_-]{50,}",
    r"\bhvs\.[A-Za-z0-9_-]{20,}",
    r"\bAGE-SECRET-KEY-[A-Z0-9]{50,}",
    # JSON web tokens, encrypted ones too
    r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*)*",
)
# What stands before a credential is kept, so that a reader still sees what kind of line it was.
_KEYS_AFTER_A_NAME = (
    r"(?i:((?:AccountKey|SharedAccessKey|SharedAccessSignature)=)[^\s;\"'\\\[]{8,})",
    r"(?i:([?&](?:sig|signature|auth|apikey|api_key|access_token|client_secret|x-[a-z]+-(?:signature|credential|security-token))=)"
    r"[^&\s\"'<>\\#\[]{6,})",
    r"(?i:([?&](?:key|token|code)=)[^&\s\"'<>\\#\[]{16,})",
    r"(?i:\b((?:set-)?cookie[\"'\\]*[ \t]*[:=][ \t]*[\"'\\]*)[^\s=;\"'\\\[]+=[^\r\n\"'\\]{4,})",
)

# fmt: off
_NAMES_OF_SECRETS = (
    r"pass(?:word|wd|phrase)|pwd|secret|api[_-]?key|access[_-]?key|auth[_-]?key|account[_-]?key|private[_-]?key|"
    r"signing[_-]?key|encryption[_-]?key|(?:auth|access|refresh|id|session|bearer|api|security|github)[_-]?token|"
    r"credentials?|authorization|token"
)
# fmt: on
_AFTER_NAME = r"(?:[_-]?(?:key|value|hash|token))?[\"'\\]*[ \t]*(?:[:=]|=>|\bis\b)"

CREDENTIALS: tuple[Pattern | Checked, ...] = (
    Pattern(SECRET, "|".join(_KEYS_WITH_PREFIX)),
    # A private key; when its end was cut off, everything after its beginning
    Pattern(
        SECRET,
        r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----[\s\S]*?(?:-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|\z)",
        hint="-----BEGIN [A-Z0-9 ]*PRIVATE KEY",
    ),
    # Azure: AI services, and client secrets of the directory. Their mark stands inside the key.
    Pattern(
        SECRET,
        r"\b[A-Za-z0-9]{40,}JQQJ9[A-Za-z0-9]{20,}|\b[A-Za-z0-9_~.-]{3}[0-9]Q~[A-Za-z0-9_~.-]{30,}",
        hint=r"JQQJ9|[0-9]Q~",
    ),
    *(Pattern(SECRET, regex, becomes=r"\1{}") for regex in _KEYS_AFTER_A_NAME),
    # scheme://user:password@host, and scheme://token@host
    Pattern(
        SECRET,
        r"(://)(?:[^\s/:@\"'<>\\\[\]]*:[^\s/@\"'<>\\\[\]]+|[^\s/:@\"'<>\\\[\]]{16,})@",
        becomes=r"\1{}@",
        hint=r"://[^\s/@]+@",
    ),
    Checked(
        SECRET,
        hint=rf"(?i:(?:{_NAMES_OF_SECRETS}){_AFTER_NAME}[ \t]*\S\S\S)",
        candidate=re.compile(
            rf"(?P<name>{_NAMES_OF_SECRETS}){_AFTER_NAME}(?P<gap>[ \t]*)"
            r"(?:(?P<quote>\\*[\"'])|)"
            r"(?P<scheme>(?:bearer|basic|token|digest|apikey|negotiate)[ \t]+)?"
            r"(?P<value>(?(quote)[^\"'\\\r\n]{3,}|[^\s\"'\\,;&<>(){}\[\]]{3,}))(?P<next>[(\[]?)",
            re.IGNORECASE,
        ),
        find=checks.named_secret,
    ),
    Checked(
        SECRET,
        hint=r"(?i:\b(?:bearer|basic)[ \t]+[A-Za-z0-9+/_.~=-]{8})",
        candidate=re.compile(r"\b(?:bearer|basic)[ \t]+(?P<value>[A-Za-z0-9+/_.~=-]{8,})", re.IGNORECASE),
        find=checks.scheme_secret,
    ),
)

_GROUPS = r"(?:[ (/-][ (]?[0-9]|\.[0-9]{1,4}\.[0-9])(?:[ ().\-/]?[ (]?[0-9]){5,13}"
_INTERNATIONAL = rf"(?:\+|\b00)[1-9][0-9]{{0,2}}{_GROUPS}\b|\+[1-9][0-9]{{9,14}}\b"
_AREA_AND_EXCHANGE = (
    r"\([2-9][0-9]{2}\) ?[2-9][0-9]{2}[ .-]|[2-9][0-9]{2}-[2-9][0-9]{2}-|[2-9][0-9]{2}\.[2-9][0-9]{2}\."
)
_NORTH_AMERICAN = rf"(?:1[ .-])?(?:{_AREA_AND_EXCHANGE})[0-9]{{4}}\b"
_WITH_TRUNK_ZERO = r"(?:\(0[1-9]\d{0,3}\) ?|0[1-9]\d{0,3}[ /-])\d{2,8}(?:[ -]\d{2,4}){0,4}(?![\w-])"

PERSONAL: tuple[Pattern | Checked, ...] = (
    Checked(
        "iban",
        hint=r"\b[A-Z]{2}[0-9]{2} ?[A-Z0-9]{4}",
        candidate=re.compile(r"(?<!\w)[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}"),
        find=checks.iban,
    ),
    Checked(
        "card",
        hint=r"[0-9]{13}|[0-9]{4}[ -][0-9]{4}[ -][0-9]{4}[ -][0-9]|[0-9]{4}[ -][0-9]{6}[ -][0-9]{4}",
        candidate=re.compile(
            r"(?<![\w.])(?:\d{13,19}|\d{4}([ -])\d{4}\1\d{4}\1\d{1,7}|\d{4}([ -])\d{6}\2\d{4,5})(?!\w|\.\d)"
        ),
        find=checks.card,
    ),
    Pattern(
        "phone",
        rf"(^|[^\w.+])(?:{_INTERNATIONAL})|{_APART}(?:{_NORTH_AMERICAN})",
        becomes=r"\1\2{}",
        hint=r"\+[1-9][0-9]|\b00[1-9]|[2-9][0-9]{2}(?:\) ?|[.-])[2-9][0-9]{2}[ .-][0-9]{4}",
    ),
    Checked(
        "phone",
        hint=rf"{_APART}(?:\(0[1-9][0-9]*\)|0[1-9][0-9]*[ /-][0-9]{{2}})",
        candidate=re.compile(rf"(?<![\w.+/:-]){_WITH_TRUNK_ZERO}", re.ASCII),
        find=checks.phone,
    ),
    Pattern(
        "email",
        r"[\p{Latin}0-9._%+'-]+@[\p{Latin}0-9-]+(?:\.[\p{Latin}0-9-]+)*\.(?:xn--[a-z0-9]+|[A-Za-z]{2,})",
        hint=r"[^\s]@[^\s@]+\.[^\s]",
    ),
)
