"""What a regular expression cannot decide about a candidate: check sums, and whether a value looks like a secret.

Every function takes the match of a candidate and returns the part of the text to redact, or None.
"""

from __future__ import annotations

import re

Span = tuple[int, int]

# ISO 13616: the length of an IBAN by country (registry of SWIFT, release 99).
# fmt: off
_IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BI": 27, "BR": 29, "BY": 28,
    "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DJ": 27, "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18,
    "FK": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28, "HN": 28, "HR": 21, "HU": 28,
    "IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32, "LI": 21, "LT": 20,
    "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MN": 20, "MR": 27, "MT": 31, "MU": 30, "NI": 28,
    "NL": 18, "NO": 15, "OM": 23, "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22, "RU": 33, "SA": 24,
    "SC": 31, "SD": 18, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "SO": 23, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26,
    "UA": 29, "VA": 22, "VG": 24, "XK": 20, "YE": 30,
}
# fmt: on

# Prefixes and lengths of the card networks (ISO/IEC 7812 ranges as the networks publish them). Without them one
# in ten long numbers would pass the check digit: times in nanoseconds begin with 1, which no card does.
_CARDS = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})"  # Visa
    r"|(?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}"  # Mastercard
    r"|3[47]\d{13}"  # American Express
    r"|3(?:0[0-5]|[689]\d)\d{11,16}"  # Diners
    r"|35(?:2[89]|[3-8]\d)\d{12,15}"  # JCB
    r"|(?:6011|64[4-9]\d|65\d\d|62\d\d|81\d\d)\d{12,15}"  # Discover, UnionPay
    r"|(?:5018|5020|5038|5893|6304|6759|676[1-3])\d{8,15}"  # Maestro
)

_PLACEHOLDER = re.compile(
    r"(?:none|null|nil|true|false|undefined|required|optional|string|str|bytes|int|integer|object|any|type|unknown|missing|empty"
    r"|hidden|yes|no|not|the|redacted|env|self|this|key|secret|token|password|example|x+|\.+|\*+|-+)",
    re.IGNORECASE,
)
_TEMPLATE = re.compile(r"\[redacted:|<|\$|\{|%[sdr(]|\*{3}")
_CODE = re.compile(r"[A-Za-z_]+(?:[._][A-Za-z_]*)+")
_OWN_WORDS = re.compile(r"secret|password|passwd|token|key|credential|str\b|string", re.IGNORECASE)


def named_secret(found: re.Match[str]) -> Span | None:
    """`password = …`: the value, unless it is a placeholder, a type, or code that fetches one."""
    value = found["value"].rstrip() if found["quote"] else found["value"].rstrip(".!?")
    if found["next"] or _PLACEHOLDER.fullmatch(value) or _TEMPLATE.match(value):
        return None
    if found["name"].lower() == "token":
        kept = len(value) >= 12 and looks_random(value)
    elif found["quote"] or found["scheme"]:
        kept = found["quote"] is not None or looks_random(value)
    else:
        kept = _is_bare_secret(found, value)
    start = found.start("value")
    return (start, start + len(value)) if kept else None


def scheme_secret(found: re.Match[str]) -> Span | None:
    """`Bearer …`: the value, unless it is a word of prose."""
    return found.span("value") if looks_random(found["value"]) else None


def looks_random(value: str) -> bool:
    """Not a word: digits among letters, capitals inside, or signs that words do not have."""
    has_letter = any(char.isalpha() for char in value)
    has_digit = any(char.isdigit() for char in value)
    inner = value[1:]
    mixed = any(char.isupper() for char in inner) and any(char.islower() for char in value)
    return (
        len(value) >= 6 and has_letter and (has_digit or mixed or any(char in "+/=!$%^*#@" for char in value))
    )


def card(found: re.Match[str]) -> Span | None:
    """A payment card number: a network's prefix and length, and the Luhn check digit (ISO/IEC 7812-1)."""
    digits = re.sub(r"[ -]", "", found[0])
    return found.span() if _CARDS.fullmatch(digits) and _passes_luhn(digits) else None


def iban(found: re.Match[str]) -> Span | None:
    """An IBAN: as long as its country's are, and 1 modulo 97 (ISO 13616). What follows it is left alone."""
    text = found[0]
    length = _IBAN_LENGTHS.get(text[:2], 0)
    taken = 0
    for offset, char in enumerate(text):
        taken += char != " "
        if taken == length:
            ends_word = found.end() > found.start() + offset + 1 and text[offset + 1] != " "
            whole = text[: offset + 1].replace(" ", "")
            return (
                None
                if ends_word or not _is_one_modulo_97(whole)
                else (found.start(), found.start() + len(text[: offset + 1]))
            )
    return None


def phone(found: re.Match[str]) -> Span | None:
    """A national number with its trunk zero: as many digits as one has, and no date (`01-02-2026 09`)."""
    n_digits = sum(char.isdigit() for char in found[0])
    is_date = re.match(r"\d\d[ /-]\d\d[ /-]\d{4}(?!\d)", found[0]) is not None
    return found.span() if 9 <= n_digits <= 12 and not is_date else None


def _is_bare_secret(found: re.Match[str], value: str) -> bool:
    """Without quotes: `password=x` as in an address or environment, `password: x` as a whole line, or something random."""
    if _CODE.fullmatch(value) or (_OWN_WORDS.search(value) and not any(char.isdigit() for char in value)):
        return False
    if looks_random(value):
        return True
    rest = found.string[found.end() : found.end() + 1]
    alone = rest in ("", "\n", "\r") and len(value) >= 6
    separator = found.string[found.end("name") : found.start("value")]
    tight = separator == "="
    return tight or (alone and ":" in separator)


def _passes_luhn(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (1 + place % 2)
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0


def _is_one_modulo_97(compact: str) -> bool:
    return int("".join(str(int(char, 36)) for char in compact[4:] + compact[:4])) % 97 == 1
