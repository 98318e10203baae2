import struct
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmm_plugin_access_control.ad_values import (
    FOR_EVER,
    number_of,
    parse_filetime,
    parse_lasting,
    parse_sid,
    parse_stamps,
    parse_whole,
    parse_xml_stamps,
)
from ccmm_plugin_access_control.ldap_answers import parse_data
from ccmm_plugin_access_control.ldap_entries import Part, domain_dn, domain_of, is_below, parse_range, referred

BEGIN = datetime(1601, 1, 1, tzinfo=UTC)
FIRST = datetime(2026, 11, 1, 8, 30, 5, tzinfo=UTC)


def stamp(name: str = "userAccountControl", changed: str = "2026-11-01T08:30:05Z", site: str = "Nord") -> bytes:
    """As a domain controller of Windows writes one, with the zero octet at the end."""
    lines = [
        "<DS_REPL_ATTR_META_DATA>",
        f"<pszAttributeName>{name}</pszAttributeName>",
        "<dwVersion>3</dwVersion>",
        f"<ftimeLastOriginatingChange>{changed}</ftimeLastOriginatingChange>",
        "<uuidLastOriginatingDsaInvocationID>9dea5320-9c83-4838-bbb6-fca0ca93f752</uuidLastOriginatingDsaInvocationID>",
        "<usnOriginatingChange>12790</usnOriginatingChange>",
        "<usnLocalChange>12790</usnLocalChange>",
        f"<pszLastOriginatingDsaDN>CN=NTDS Settings,CN=DC1,CN=Servers,CN={site}</pszLastOriginatingDsaDN>",
        "</DS_REPL_ATTR_META_DATA>",
    ]
    return "\n\t".join(lines).encode() + b"\n\0"


def blob(*stamps: tuple[int, int]) -> bytes:
    """As Samba keeps them: (number of the attribute, seconds since 1601)."""
    head = struct.pack("<I4xI4x", 1, len(stamps))
    return head + b"".join(struct.pack("<IIQ16s16x", number, 1, seconds, b"dsa") for number, seconds in stamps)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("134379648000000000", datetime(2026, 11, 1, tzinfo=UTC)),
        ("134379648000000019", datetime(2026, 11, 1, 0, 0, 0, 1, tzinfo=UTC)),
        ("116444736000000000", datetime(1970, 1, 1, tzinfo=UTC)),
        ("0", None),
        ("9223372036854775807", None),
        ("9223372036854775806", None),  # after the year 9999
        ("-1", None),
        ("", None),
        ("20261101000000.0Z", None),
        (None, None),
    ],
)
def test_a_time_counts_100_ns_since_1601_and_both_words_for_never_are_none(
    text: str | None, moment: datetime | None
) -> None:
    assert parse_filetime(text) == moment


@given(st.datetimes(datetime(1601, 1, 2), timezones=st.just(UTC)))  # noqa: DTZ001
def test_every_time_is_read_again(moment: datetime) -> None:
    ticks = (moment - BEGIN) // timedelta(microseconds=1) * 10
    assert parse_filetime(str(ticks)) == moment


@given(st.text(max_size=25) | st.integers(-(2**70), 2**70).map(str))
def test_of_any_text_a_time_or_a_span_or_none_is_made(text: str) -> None:
    moment, lasting = parse_filetime(text), parse_lasting(text)
    assert moment is None or moment.tzinfo is UTC
    assert lasting is None or lasting >= FOR_EVER


@pytest.mark.parametrize(
    ("text", "lasting"),
    [
        ("-18000000000", timedelta(minutes=30)),
        ("0", FOR_EVER),
        ("-9223372036854775808", FOR_EVER),
        ("-9223372036854775807", FOR_EVER),
        ("18000000000", FOR_EVER),
        ("half an hour", None),
        (None, None),
    ],
)
def test_a_lock_lasts_a_negative_span_and_anything_else_for_ever(text: str | None, lasting: timedelta | None) -> None:
    assert parse_lasting(text) == lasting


def test_bits_may_be_written_as_a_negative_number() -> None:
    assert parse_whole("-2147483646") == -2147483646
    assert -2147483646 & 0x2
    assert parse_whole("1e3") is parse_whole("٣") is parse_whole("1" * 20) is None


def test_a_security_id_is_read_as_windows_writes_it() -> None:
    domain_admins = bytes.fromhex("010500000000000515000000 6183bbfb 99064ac0 cfb5a8cd 00020000".replace(" ", ""))
    assert parse_sid(domain_admins) == "S-1-5-21-4223370081-3226076825-3450385871-512"
    assert number_of(parse_sid(domain_admins)) == "512"
    administrators = bytes.fromhex("01020000000000052000000020020000")
    assert parse_sid(administrators) == "S-1-5-32-544"
    assert number_of("S-1-5-32-544") == number_of(None) == ""


@given(st.binary(max_size=80))
def test_of_any_octets_a_security_id_or_none_is_made(octets: bytes) -> None:
    found = parse_sid(octets)
    assert found is None or found.startswith("S-1-")
    assert parse_sid(b"\x01" + octets) is None or len(octets) >= 7


def test_a_stamp_in_xml_tells_when_the_bits_last_changed() -> None:
    others = [stamp("pwdLastSet", "2026-11-20T00:00:00Z"), stamp("accountExpires", "2026-11-02T00:00:00Z")]
    assert parse_xml_stamps([others[0], stamp(), others[1]]) == {
        "userAccountControl": FIRST,
        "accountExpires": datetime(2026, 11, 2, tzinfo=UTC),
    }


def test_a_stamp_with_a_bare_ampersand_is_read_all_the_same() -> None:
    assert parse_xml_stamps([stamp(site="Research & Care")]) == {"userAccountControl": FIRST}
    assert parse_xml_stamps([stamp(site="Research &amp; Care")]) == {"userAccountControl": FIRST}


@pytest.mark.parametrize(
    "value",
    [
        b'<!DOCTYPE a [<!ENTITY e "x">]>' + stamp(),
        stamp().replace(b"DS_REPL_ATTR_META_DATA", b"DS_REPL_VALUE_META_DATA"),
        stamp(changed="1601-01-01T00:00:00"),
        stamp(changed="yesterday"),
        stamp()[:-40],
        stamp(site="x" * 10_000),
        b">userAccountControl<",
    ],
)
def test_a_stamp_of_another_shape_tells_nothing(value: bytes) -> None:
    assert parse_xml_stamps([value]) == {}


@given(st.lists(st.binary(max_size=60), max_size=3), st.binary(max_size=30))
def test_of_any_octets_nothing_but_stamps_comes(values: list[bytes], inner: bytes) -> None:
    around = stamp().replace(b"2026-11-01T08:30:05Z", inner)
    for found in (parse_xml_stamps([*values, around]), parse_stamps(b"".join(values)), parse_stamps(blob() + inner)):
        assert set(found) <= {"userAccountControl", "accountExpires"}


@given(st.datetimes(datetime(1990, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_every_stamp_is_read_again_in_both_forms(moment: datetime) -> None:
    whole = moment.replace(microsecond=0)
    seconds = (whole - BEGIN) // timedelta(seconds=1)
    assert parse_xml_stamps([stamp(changed=f"{whole:%Y-%m-%dT%H:%M:%SZ}")]) == {"userAccountControl": whole}
    assert parse_stamps(blob((3, 1), (0x00090008, seconds))) == {"userAccountControl": whole}


def test_octets_of_another_length_or_version_tell_nothing() -> None:
    right = blob((0x00090008, 13437964800), (0x0009009F, 13437964801), (0x0009005E, 13437964802))
    assert {name: moment.second for name, moment in parse_stamps(right).items()} == {
        "userAccountControl": 0,
        "accountExpires": 1,
    }
    assert parse_stamps(right[:-1]) == parse_stamps(b"\x02" + right[1:]) == parse_stamps(right[:15]) == {}
    assert parse_stamps(blob((0x00090008, 2**64 - 1))) == {}


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("member;range=0-1499", Part("member", 0, 1499)),
        ("member;range=1500-*", Part("member", 1500, None)),
        ("member", None),
        ("member;range=9-8", None),
        ("member;range=*-9", None),
        ("member;binary", None),
    ],
)
def test_the_name_of_a_part_says_which_values_came(name: str, part: Part | None) -> None:
    assert parse_range(name) == part


@given(st.integers(0, 10**6), st.none() | st.integers(0, 10**6))
def test_every_name_of_a_part_is_read_again(first: int, more: int | None) -> None:
    last = None if more is None else first + more
    assert parse_range(f"member;range={first}-{'*' if last is None else last}") == Part("member", first, last)


@given(st.text(max_size=30) | st.text("member;range=0123456789-*", max_size=30))
def test_of_any_name_a_part_or_none_is_made(name: str) -> None:
    found = parse_range(name)
    assert found is None or found.last is None or found.first <= found.last


def test_a_referral_names_a_place_and_its_domain() -> None:
    assert referred("ldap://branch.center.example/DC=branch,DC=center,DC=example") == "dc=branch,dc=center,dc=example"
    assert referred("ldap://x/OU=A%20B,DC=x??base") == "ou=a b,dc=x"
    assert referred("ldap://x") == ""
    assert domain_of("OU=Staff,DC=center, DC=example") == "center.example"
    assert domain_dn("Branch.center.example") == "dc=branch,dc=center,dc=example"


@given(st.text(max_size=40))
def test_of_any_referral_a_place_is_made(uri: str) -> None:
    assert isinstance(referred(uri) + referred(f"ldap://{uri}") + domain_of(uri), str)


def test_below_is_the_entry_itself_or_under_it_and_not_beside_it() -> None:
    assert is_below("OU=Staff, dc=x", "ou=staff,DC=x")
    assert is_below("CN=a,OU=Staff,DC=x", "ou=staff,DC=x")
    assert not is_below("OU=NotStaff,DC=x", "Staff,DC=x")
    assert not is_below("DC=x", "OU=Staff,DC=x")


def test_the_reason_of_a_refused_log_in_is_found_in_the_message_of_windows() -> None:
    message = "80090308: LdapErr: DSID-0C090439, comment: AcceptSecurityContext error, data 52e, v4563\0"
    assert parse_data(message) == "52e"
    assert parse_data("80090308: LdapErr: DSID-0C090439, comment: something else, data 0, v4563") is None


@given(st.text(max_size=80))
def test_of_any_message_a_word_or_none_is_made(message: str) -> None:
    for text in (message, f"AcceptSecurityContext error, data {message}"):
        found = parse_data(text)
        assert found is None or 0 < len(found) <= 8
