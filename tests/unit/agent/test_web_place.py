"""Where a web API is: what the options may say, and what answers may make of it."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmm_agent.plugin import BadOption, Options, SourceUnavailable
from ccmm_agent.web import manifest_of, place_lines, place_of, query_of


def test_the_options_name_a_place_and_its_manifest() -> None:
    options = Options(
        {"url": "https://rt.example/base/", "ca_file": "/etc/ca.pem", "call_timeout": "5s", "tls_name": "rt"}
    )
    place = place_of(options)
    options.refuse_unknown()
    assert (place.url, place.host, place.port, place.timeout_s) == ("https://rt.example/base", "rt.example", 443, 5.0)
    manifest = manifest_of(place, place, files=(Path("/etc/token"),))
    assert manifest.files == (Path("/etc/token"), Path("/etc/ca.pem"))
    assert manifest.endpoints == (("rt.example", 443),)
    assert list(place_lines(place)) == []


def test_a_place_in_clear_is_asked_for_and_warned_of() -> None:
    with pytest.raises(BadOption, match="plain = true"):
        place_of(Options({"url": "http://10.0.0.7"}))
    place = place_of(Options({"url": "http://10.0.0.7", "plain": True}))
    assert (place.host, place.port) == ("10.0.0.7", 80)
    assert [line.verdict for line in place_lines(place)] == ["warning"]
    assert list(place_lines(place_of(Options({"url": "http://[::1]:8080"})))) == []


def test_a_place_with_a_default_needs_no_option() -> None:
    assert place_of(Options({}), default="https://api.example").host == "api.example"
    assert place_of(Options({"login": "https://a.example:1"}), key="login").port == 1


@pytest.mark.parametrize(
    "url",
    [
        *("rt.example", "ftp://rt.example", "https://", "https:///x", "https://a b", "https://a.example?x=1"),
        *("https://user:pw@a.example", "https://a.example/#f", "https://a.example:99999", "https://a.example:x"),
        *("https://客.example", "https://[::1", "https:a.example", "HTTPS://a.example/\n", "https://a.example\\@b"),
    ],
)
def test_what_is_no_base_url_is_refused(url: str) -> None:
    with pytest.raises(BadOption, match="HOST"):
        place_of(Options({"url": url}))


@given(st.text())
def test_any_text_is_a_place_or_a_bad_option(text: str) -> None:
    try:
        place = place_of(Options({"url": text, "plain": True}))
    except BadOption:
        return
    assert place.host
    assert 0 < place.port < 65536


def test_the_next_page_is_on_the_same_place() -> None:
    place = place_of(Options({"url": "https://rt.example/base"}))
    assert place.path_of("https://rt.example/base/REST/2.0/tickets?page=2") == "/REST/2.0/tickets?page=2"
    assert place.path_of("/REST/2.0/tickets?page=2") == "/REST/2.0/tickets?page=2"
    for url in (
        "https://rt.example.evil/base/x",
        "//evil/x",
        "http://rt.example/base/x",
        "x",
        "https://rt.example/basement/x",
    ):
        with pytest.raises(SourceUnavailable, match="points to another place"):
            place.path_of(url)


def test_values_of_a_question_become_text() -> None:
    assert query_of({"a": True, "b": 7, "c": None, "d": "x"}) == {"a": "true", "b": "7", "d": "x"}
