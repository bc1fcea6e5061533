"""What counts as personal data and what does not: every case is a whole text of its own."""

from __future__ import annotations

import time

import pytest

from synthgen.hub.pii import RULES, scan

FOUND = {
    "e-mail address": [
        "ann.lee@rivers.org",
        "müller@müller-söhne.de",
        "a+b@sub.rivers.co.uk",
    ],
    "bank account (IBAN)": [
        "DE89 3704 0044 0532 0130 00",
        "GB82WEST12345698765432",
        "FR14 2004 1010 0505 0001 3M02 606",
        "NL91ABNA0417164300",
        "NO93 8601 1117 947",
        "MT84MALT011000012345MTLCAST001S",
    ],
    "payment card": [
        "4111 1111 1111 1111",
        "5500-0000-0000-0004",
        "340000000000009",
        "30000000000004",
        "6011000000000004",
        "3530111333300000",
        "2223003122003222",
        "4222222222222",
    ],
    "IP address": [
        "8.8.8.8",
        "151.101.1.69",
        "2606:4700:4700::1111",
    ],
    "telephone number": [
        "+49 30 901820",
        "+44 20 7946 0018",
        "0049 30 901820",
        "+1 (212) 736-5000",
        "(212) 736-5000",
        "212-736-5000",
        "212.736.5000",
        "+86 10 6552 9988",
        "+33 1 42 68 53 00",
        "(020) 7930 4832",
        "+٤٤ ٢٠ ٧٩٣٠ ٤٨٣٢",
        "+39 06 6982",
        "+91 98765 43210",
        "(030) 901820-0",
        "+7 495 697-03-49",
        "+81 3-3581-0101",
        "+55 11 3091-3116",
        "(0711) 216-0",
        "(11) 3091-3116",
        "请拨打+86 10 6552 9988。",
        "+49 30 901820 12",
    ],
    "identity number": [
        "536-90-4399",
        "54362315K",
        "X2482300W",
        "RSSMRA85T10A562S",
        "2 95 10 99 126 111 93",
        "11010519491231002X",
        "390.533.447-05",
        "131052-308T",
        "811228-9874",
    ],
}
NOTHING = [
    "ISBN 978-3-16-148410-0",
    "ISBN 0-306-40615-2",
    "ISBN 9780306406157",
    "EAN 4006381333931",
    "order 4000-1234-5678",
    "order no. 123-456-7890",
    "ticket 100-200-3000",
    "2026-11-30 14:22:10",
    "20261130142210",
    "1732976530",
    "1732976530123",
    "2026-11-30T14:22:10.123456Z",
    "v1.2.3.4",
    "version 10.4.22.1",
    "Chrome/120.0.6099.109",
    "build 6.1.7601.17514",
    "127.0.0.1",
    "10.0.0.8",
    "192.168.1.20",
    "fe80::1",
    "2001:db8::1",
    "12:34:56",
    "::1",
    "AA:BB:CC:DD:EE:FF",
    "d41d8cd98f00b204e9800998ecf8427e",
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "550e8400-e29b-41d4-a716-446655440000",
    "sha 4111111111111111a",
    "GB82WEST12345698765431",
    "DE00 0000 0000 0000 0000 00",
    "XX12 1234 1234 1234 1234",
    "IMEI 490154203237518",
    "IMEI 352099001761481",
    "parcel 00340434161094042557",
    "UPS 1Z999AA10123456784",
    "3.14159265358979323846",
    "0.1234567890123456",
    "1234567890123456",
    "4111111111111112",
    "9780306406157123",
    "6.022140857e23",
    "4242 is the port, 5000 the other",
    "EUR 1 234 567 890",
    "1,234,567,890",
    "(2019) 123-456",
    "(12) 345 6789 items",
    "(1998) 4567 8901",
    "+1 2 3 4 5 6 7 8",
    "+10 20 30 40",
    "+100 000 000",
    "00 12 34 56 78 90",
    "000-000-0000",
    "555-555-5555",
    "111-222-3333",
    "x + 1234 5678",
    "00:11:22:33",
    "chapters 101 102 1034",
    "pages 100 200 3000",
    "rate +12345678 bps",
    "me@example.com",
    "git@localhost",
    "0044.1234.5678.9",
    "IEC 60068-2-14",
    "RFC 2606, RFC 6761",
    "5105-1051-0510-5101",
    "6304 9000 0000 0001 zzz",
    "2720990000000000",
    "3000 0000 0000 01",
    "000-12-3456",
    "666-12-3456",
    "12345678A",
    "123-45-67890",
    "RSSMRA85T10A562X",
    "110105194912310029",
    "390.533.447-06",
    "811228-9873",
    "811332-9874",
    "2026-11-3014",
]


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in FOUND.items() for text in texts])
def test_personal_data_is_counted_under_its_kind(kind: str, text: str) -> None:
    assert scan([f"Say {text} to them."]) == {name: int(name == kind) for name in RULES}


@pytest.mark.parametrize("text", NOTHING)
def test_what_is_not_personal_data_is_not_counted(text: str) -> None:
    assert scan([f"Say {text} to them."]) == dict.fromkeys(RULES, 0)


def test_what_one_rule_takes_is_left_to_it_and_what_follows_is_looked_at() -> None:
    texts = ["AT61 1904 3002 3457 3201 PAID NOW, GB82WEST12345698765432", "+49 30 901820 12 +44 20 7946 0018"]
    assert scan(texts) == dict.fromkeys(RULES, 0) | {"bank account (IBAN)": 2, "telephone number": 2}
    assert scan(["8.8.8.8", "8.8.8.8"])["IP address"] == 2


def test_every_kind_of_data_has_a_case() -> None:
    assert FOUND.keys() == RULES.keys()


def test_a_number_that_a_library_stumbles_over_is_not_valid() -> None:
    """stdnum.cn.ric raises KeyError for some counties that it does not know."""
    assert scan([f"{county:06d}194912310021" for county in range(110000, 660000, 1000)])["payment card"] < 50


def test_long_runs_of_digits_take_no_time() -> None:
    began = time.monotonic()
    scan(["1" * 100_000, "1 " * 50_000, "+1 " * 30_000, "(1" * 30_000, "AB12 " * 20_000, "1-" * 50_000])
    assert time.monotonic() - began < 20
