"""The contract test of plugins fails for every promise that a source can break."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ccmm_agent import facts
from ccmm_agent.plugin import BadOption, CheckLine, Done, Manifest, Observation, Window
from ccmm_agent.testing import check_source, read_all
from ccmm_proto.errors import Malformed
from ccmm_proto.v1 import statement_pb2 as pb
from tests.contract.fake_source import Ticks

NOW = datetime(2026, 11, 2, 9, 7, tzinfo=UTC)
QUARTER = datetime(2026, 11, 2, 8, 15, tzinfo=UTC)
WINDOW = Window(cursor=b"", now=NOW, zone=ZoneInfo("Asia/Shanghai"))
COUNT = facts.count("calls_offered", QUARTER, 1)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "ticks"
    path.write_text("".join(f"{int(NOW.timestamp()) - second} support\n" for second in (600, 2000, 2001)))
    return path


@pytest.fixture
def broken(tmp_path: Path) -> Ticks:
    return Ticks(tmp_path / "nothing")


def test_an_honest_source_passes_and_its_observations_come_back(file: Path, broken: Ticks) -> None:
    observations = check_source(Ticks(file), broken, window=WINDOW)
    assert [one.measure.count for one in observations] == [2, 1]


def test_read_all_follows_more_and_gives_the_last_done() -> None:
    class Batches(Ticks):
        def read(self, window: Window) -> Iterator[Observation | Done]:
            number = int(window.cursor or b"0")
            yield facts.count("calls_offered", QUARTER, number)
            yield Done(None, str(number + 1).encode(), more=number < 3)

    observations, done = read_all(Batches(Path("/x")), now=NOW, zone=ZoneInfo("UTC"))
    assert [one.measure.count for one in observations] == [0, 1, 2, 3]
    assert done.cursor == b"4"


def yields(*given: object) -> Callable[[Ticks, Window], Iterator[object]]:
    def read(_source: Ticks, window: Window) -> Iterator[object]:
        yield from given

    return read


DONE = Done(None, b"1")
LATE = Done((QUARTER, NOW + timedelta(seconds=1)), b"1")
LOCAL = Done((QUARTER.astimezone(ZoneInfo("Asia/Shanghai")), NOW), b"1")


@pytest.mark.parametrize(
    ("given", "promise"),
    [
        ((COUNT,), "ends with one Done"),
        ((), "ends with one Done"),
        ((DONE, DONE), "observations only"),
        (("a call", DONE), "observations only"),
        ((LATE,), "end by now"),
        ((Done((NOW, QUARTER), b"1"),), "run forward"),
        ((LOCAL,), "UTC"),
        ((Done(None, b"", more=True),), "new cursor"),
        ((COUNT, DONE), "stated twice"),
        ((COUNT, COUNT, DONE), "no fact twice"),
        ((facts.count("calls_answered", QUARTER, 1), DONE), "feeds name all"),
    ],
)
def test_a_read_that_breaks_a_promise_fails(file: Path, broken: Ticks, given: tuple[object, ...], promise: str) -> None:
    class Liar(Ticks):
        read = yields(*given)  # type: ignore[assignment]

    with pytest.raises(AssertionError, match=promise):
        check_source(Liar(file), broken, window=WINDOW)


def test_a_fact_of_another_shape_fails(file: Path, broken: Ticks) -> None:
    class Liar(Ticks):
        read = yields(pb.Observation(measure=pb.Measure(id="calls_offered")), DONE)  # type: ignore[assignment]

    with pytest.raises(Malformed):
        check_source(Liar(file), broken, window=WINDOW)


def test_reading_beyond_the_manifest_fails(file: Path, broken: Ticks) -> None:
    class Curious(Ticks):
        def manifest(self) -> Manifest:
            return Manifest()

    with pytest.raises(AssertionError, match="the manifest names all"):
        check_source(Curious(file), broken, window=WINDOW)


def test_writing_fails_even_within_the_manifest(file: Path, broken: Ticks) -> None:
    class Writer(Ticks):
        def check(self, window: Window) -> Iterator[CheckLine]:
            file.write_text("touched")
            yield CheckLine("ok", "file", "fine")

    with pytest.raises(AssertionError, match="a plugin writes nothing"):
        check_source(Writer(file), broken, window=WINDOW)


def test_silence_where_it_cannot_look_fails(file: Path) -> None:
    class Silent(Ticks):
        read = yields(DONE)  # type: ignore[assignment]

    with pytest.raises(AssertionError, match="as if it had looked"):
        check_source(Ticks(file), Silent(file), window=WINDOW)


def test_another_error_than_source_unavailable_is_let_through(file: Path) -> None:
    class Leaky(Ticks):
        def read(self, window: Window) -> Iterator[Observation | Done]:
            raise KeyError("queue")

    with pytest.raises(KeyError):
        check_source(Ticks(file), Leaky(file), window=WINDOW)


@pytest.mark.parametrize(
    ("example", "promise"),
    [
        ('file = "/x"', "one \\[\\[source\\]\\]"),
        ('[[source]]\nname = "t"\nplugin = "other"\nevery = "1m"\nfile = "/x"', "plugin = 'ticks'"),
        ('[[source]]\nname = "t"\nplugin = "ticks"\nfile = "/x"', "every or cron"),
        ('[[source]]\nname = "t"\nplugin = "ticks"\nevery = "1m"\nfile = "/x"\ncolour = 1', "colour"),
    ],
)
def test_an_example_that_cannot_be_copied_fails(file: Path, broken: Ticks, example: str, promise: str) -> None:
    class Careless(Ticks):
        pass

    Careless.example = example
    with pytest.raises((AssertionError, BadOption), match=promise):
        check_source(Careless(file), broken, window=WINDOW)
