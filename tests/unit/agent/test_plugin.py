"""Options of a source, and its manifest: what is wrong is named with what was expected."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmm_agent.options import parse_seconds
from ccmm_agent.plugin import BadOption, Manifest, Options
from ccmm_proto.errors import BadConfig

TABLE = {
    "host": "pbx",
    "port": 5038,
    "tls": True,
    "log": "/var/log/queue_log",
    "queues": ["support", "sales"],
    "settle": "30m",
    "columns": {"key": "Nr", "at": {"format": "%H:%M"}},
    "files": [{"path": "/a"}, {"path": "/b"}],
}


def test_each_getter_gives_its_type() -> None:
    options = Options(TABLE)
    assert options.text("host") == "pbx"
    assert options.whole("port", least=1, most=65535) == 5038
    assert options.flag("tls") is True
    assert options.path("log") == Path("/var/log/queue_log")
    assert options.texts("queues") == ("support", "sales")
    assert options.seconds("settle") == 1800
    columns = options.table("columns")
    assert columns.keys() == ("key", "at")
    assert columns.text("key") == "Nr"
    assert columns.table("at").text("format") == "%H:%M"
    assert [file.path("path") for file in options.tables("files")] == [Path("/a"), Path("/b")]
    options.refuse_unknown()


def test_an_absent_key_gives_its_default_or_is_missing() -> None:
    options = Options({})
    assert options.text("a", None) is None
    assert options.text("a", "x") == "x"
    assert options.whole("b", 7) == 7
    assert options.flag("c", False) is False
    assert options.path("d", None) is None
    assert options.texts("e", ()) == ()
    assert options.seconds("f", 1800) == 1800
    assert options.table("g", None) is None
    assert options.tables("h") == ()
    for getter in (
        *(options.text, options.whole, options.flag, options.path),
        *(options.texts, options.seconds, options.table),
    ):
        with pytest.raises(BadOption, match=r"'key'.*missing"):
            getter("key")


@pytest.mark.parametrize(
    ("getter", "value"),
    [
        *(("text", ""), ("text", 1), ("whole", "1"), ("whole", True), ("whole", -1), ("whole", 2.0)),
        *(("flag", 1), ("flag", "true"), ("path", "relative"), ("path", ""), ("path", "/a\0")),
        *(("texts", "support"), ("texts", [""]), ("texts", [1]), ("seconds", 30), ("seconds", "30")),
        *(("seconds", "0s"), ("table", []), ("tables", {}), ("tables", [1])),
    ],
)
def test_a_value_of_another_type_is_refused_by_name(getter: str, value: object) -> None:
    with pytest.raises(BadOption, match="'key': expected"):
        getattr(Options({"key": value}), getter)("key")


def test_what_was_never_asked_for_is_unknown_also_in_inner_tables() -> None:
    options = Options({"host": "pbx", "colour": 1})
    options.text("host")
    with pytest.raises(BadOption, match=r"'colour'.*host"):
        options.refuse_unknown()
    outer = Options({"columns": {"key": "Nr", "kee": "x"}})
    outer.table("columns").text("key")
    with pytest.raises(BadConfig, match=r"columns\.kee"):
        outer.refuse_unknown()


@given(st.text(max_size=12))
def test_any_text_is_a_span_of_time_or_a_value_error(text: str) -> None:
    try:
        assert parse_seconds(text) > 0
    except ValueError:
        return
    assert text[-1] in "smhd"


def test_spans_of_time() -> None:
    assert [parse_seconds(text) for text in ("45s", "15m", "2h", "30d")] == [45, 900, 7200, 2_592_000]


def test_a_manifest_holds_absolute_paths_and_real_ports() -> None:
    with pytest.raises(BadOption, match="absolute"):
        Manifest(files=(Path("queue_log"),))
    with pytest.raises(BadOption, match="absolute"):
        Manifest(folders=(Path("logs"),))
    for endpoint in (("pbx", 0), ("pbx", 65536), ("", 389)):
        with pytest.raises(BadOption, match="endpoints"):
            Manifest(endpoints=(endpoint,))
