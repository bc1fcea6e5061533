"""A count of what looks like personal data, by simple rules; it finds no names, addresses or dates of birth.

A rule finds candidates, and a library says which of them are valid: `phonenumbers` (numbering plans), `python-stdnum` (structure and
checksum of bank accounts and identity numbers, Luhn), `ipaddress`. What one rule takes is not looked at by the next, so a bank account
is not a telephone number. Digits of every script count as digits, but for identity numbers.
"""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import NamedTuple

import regex

__all__ = ["RULES", "scan"]


def _whole(found: str) -> Iterable[str]:
    return (found,)


def _fewer_groups(found: str) -> Iterable[str]:
    """The candidate, and what is left of it without the last groups, which may be the next words."""
    yield found
    while " " in found:
        found = found.rpartition(" ")[0]
        yield found


class Rule(NamedTuple):
    """What a kind of data looks like: a candidate, the check that it must pass, and both in words.

    `parts` gives what of a candidate may be the data, in the order to try.
    """

    pattern: regex.Pattern[str]
    check: Callable[[str], bool]
    meaning: str
    parts: Callable[[str], Iterable[str]] = _whole


_RESERVED = regex.compile(
    r"(?:^|[@.])(?:example\.(?:com|net|org)|(?:[\w-]+\.)?(?:example|invalid|test|localhost))$", regex.IGNORECASE
)
_UNICAST = ipaddress.ip_network("2000::/3")
# Lengths and first digits of Visa, Mastercard, American Express, Diners Club, Discover, JCB and UnionPay (ISO/IEC 7812).
_BRANDS = regex.compile(
    r"4\d{12}(?:\d{3}){0,2}|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}|3(?:0[0-5]|[689]\d)\d{11}"
    r"|6(?:011|4[4-9]\d|5\d\d)\d{12}|35(?:2[89]|[3-8]\d)\d{12}|62\d{14,17}"
)
# Module of stdnum -> the form in which people write the number; each has a checksum, a date or a range.
_IDENTITY = {
    "us.ssn": r"[0-9]{3}-[0-9]{2}-[0-9]{4}",
    "cn.ric": r"[0-9]{17}[0-9X]",
    "fr.nir": r"[12] ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[0-9]{3} ?[0-9]{3} ?[0-9]{2}",
    "it.codicefiscale": r"[A-Z]{6}[0-9]{2}[A-Z][0-9]{2}[A-Z][0-9]{3}[A-Z]",
    "es.dni": r"[0-9]{8}[A-Z]",
    "es.nie": r"[XYZ][0-9]{7}[A-Z]",
    "br.cpf": r"[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}",
    "fi.hetu": r"[0-9]{6}[-+A][0-9]{3}[0-9A-Z]",
    "se.personnummer": r"[0-9]{6}[-+][0-9]{4}",
}
_WITH_TRUNK_PREFIX = ("GB", "DE", "FR", "IT", "AT", "CH", "NL", "BE", "SE", "JP", "CN", "KR", "IN", "AU", "NZ", "ZA", "TR")
_BY_AREA_CODE: Mapping[int, tuple[str, ...]] = {0: ("US",), 3: ("US",), 2: ("BR",)}  # its length in brackets, 0 without them


def _mail(found: str) -> bool:
    return not _RESERVED.search(found)


def _iban(found: str) -> bool:
    from stdnum import iban

    return bool(iban.is_valid(found))


def _card(found: str) -> bool:
    from stdnum import luhn

    digits = "".join(str(int(c)) for c in found if c.isdigit())
    return bool(_BRANDS.fullmatch(digits) and luhn.is_valid(digits))


def _identity(found: str) -> bool:
    return any(_valid_by(kind, found) for kind, form in _IDENTITY.items() if regex.fullmatch(form, found))


def _valid_by(kind: str, found: str) -> bool:
    try:
        return bool(import_module(f"stdnum.{kind}").is_valid(found))
    except KeyError:  # stdnum.cn.ric, of a county that it does not know
        return False


def _address(found: str) -> bool:
    try:
        address = ipaddress.ip_address(found)
    except ValueError:
        return False
    return address.is_global and (address.version == 4 or address in _UNICAST)


def _phone(found: str) -> bool:
    """Whether a numbering plan has the number: that of its country code, or of a country where it is written so."""
    digits = "".join(str(int(c)) for c in found if c.isdigit())
    if found.startswith("+") or digits.startswith("00"):
        return _in_plan("+" + digits.removeprefix("00"), None)
    area = found.partition(")")[0].partition("(")[2]
    countries = _WITH_TRUNK_PREFIX if digits.startswith("0") else _BY_AREA_CODE.get(len(area), ())
    return any(_in_plan(digits, country) for country in countries)


def _in_plan(number: str, country: str | None) -> bool:
    import phonenumbers

    try:
        return bool(phonenumbers.is_valid_number(phonenumbers.parse(number, country)))
    except phonenumbers.NumberParseException:
        return False


RULES: Mapping[str, Rule] = {
    "e-mail address": Rule(
        regex.compile(r"(?<![\w.+-])[\w.+%-]{1,64}@(?:[\w-]{1,63}\.){1,8}\p{L}{2,24}(?![\w-])"),
        _mail,
        "name@domain; the domains reserved for examples (RFC 2606) do not count",
    ),
    "bank account (IBAN)": Rule(
        regex.compile(r"(?<![A-Za-z0-9])[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?(?![A-Za-z0-9])"),
        _iban,
        "two letters, two digits and groups of four, together or with spaces, with the structure of its country and the right checksum",
        _fewer_groups,
    ),
    "identity number": Rule(
        regex.compile(rf"(?<![A-Za-z\d.,+-])(?:{'|'.join(_IDENTITY.values())})(?![A-Za-z\d-]|[.,]\d)"),
        _identity,
        "of Brazil, China, Finland, France, Italy, Spain, Sweden or the United States, written as there, with the right checksum, date or range",
    ),
    "payment card": Rule(
        regex.compile(r"(?<![A-Za-z\d.,])\d(?:[ -]?\d){12,18}(?![A-Za-z\d]|[.,]\d)"),
        _card,
        "the length and first digits of a card brand, and the right Luhn checksum; one in forty of all numbers of 16 digits has them by "
        "chance",
    ),
    "IP address": Rule(
        regex.compile(
            r"(?<![A-Za-z\d_.:])(?:\d{1,3}(?:\.\d{1,3}){3}|(?:[0-9a-fA-F]{0,4}:){2,7}[0-9a-fA-F]{0,4})(?![A-Za-z\d_:]|\.\d)"
        ),
        _address,
        "of version 4 or 6, if the public internet uses it; a version number of four parts looks the same",
    ),
    "telephone number": Rule(
        regex.compile(
            r"(?<![A-Za-z\d_.,/:+-])(?:(?:\+|00)\d{1,3}(?:[ ./-]?(?:\(\d{1,5}\)|\d{1,14}+)){1,6}+|\(\d{2,5}\)[ -]?\d{2,8}(?:[ -]\d{1,5}){0,3}"
            r"|\d{3}[ .-]\d{3}[ .-]\d{4})(?![A-Za-z\d_-])"
        ),
        _phone,
        "a number of its country's plan that begins with + or 00, or has its area code in brackets, or the form 212-736-5000; "
        "other local forms are missed",
        _fewer_groups,
    ),
}


def scan(texts: Iterable[str]) -> dict[str, int]:
    """How often each kind of `RULES` occurs in all texts together."""
    counts: Counter[str] = Counter()
    for text in texts:
        for kind, rule in RULES.items():

            def taken(found: regex.Match[str], kind: str = kind, rule: Rule = rule) -> str:
                whole = next((part for part in rule.parts(found.group()) if rule.check(part)), "")
                counts[kind] += bool(whole)
                return " ; " + found.group()[len(whole) :] if whole else found.group()

            text = rule.pattern.sub(taken, text)
    return {kind: counts[kind] for kind in RULES}
