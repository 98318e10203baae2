"""For the tests of plugins: the contract that every source keeps, as one call, and a full read.

    def test_queue_log_keeps_the_source_contract() -> None:
        check_source(healthy=queue_log(recorded), broken=queue_log(Path("/nonexistent")))

`check_source` fails with an AssertionError that says what is not kept. It reads in this process, without isolation, but
notes what the manifest does not name: so a source that passes here also works behind the fence.
"""

import sys
import threading
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from ccmm_agent.config import OF_SCHEDULE
from ccmm_agent.facts import word_of
from ccmm_agent.fence import Fence, python_folders, refusal
from ccmm_agent.plugin import CheckLine, Done, Manifest, Observation, Options, Reason, Source, SourceUnavailable, Window
from ccmm_agent.reading import Reading, SourceSpec, read_source
from ccmm_proto.kinds import KINDS
from ccmm_proto.measures import MEASURES
from ccmm_proto.shape import check_observations

COMMON = OF_SCHEDULE  # the agent's own keys of a [[source]]; the others are the plugin's options
MAX_BATCHES = 10_000
SNAPSHOTS = ("inventory", "document", "attestation")  # stated anew by each read


def read_all(source: Source, *, cursor: bytes = b"", now: datetime, zone: ZoneInfo) -> tuple[list[Observation], Done]:
    """All observations, following `more`, and the last Done; AssertionError where the order is not kept."""
    observations: list[Observation] = []
    for _ in range(MAX_BATCHES):
        batch, done = _read_batch(source, Window(cursor=cursor, now=now, zone=zone))
        observations += batch
        if not done.more:
            return observations, done
        _keep(done.cursor != cursor, "Done(more=True) brings a new cursor; else it would never end")
        cursor = done.cursor
    raise AssertionError(f"more=True {MAX_BATCHES} times")


def check_source(healthy: Source, broken: Source, *, window: Window | None = None) -> list[Observation]:
    """The contract, on a source that works and one that cannot be read; gives what the healthy one yields.

    Order, UTC, declared feeds and shapes, a manifest that suffices, resuming gives nothing twice, loud failure.
    """
    if window is None:
        window = Window(cursor=b"", now=datetime.now(UTC), zone=ZoneInfo("Asia/Shanghai"))
    _check_words(healthy)
    with _noted(healthy.manifest()) as beyond:
        observations, done = read_all(healthy, cursor=window.cursor, now=window.now, zone=window.zone)
        lines = list(healthy.check(window))
    _keep(not beyond, f"the manifest names all that is used; beyond it: {sorted(set(beyond))}")
    _keep(bool(lines), "check yields at least one line")
    for line in lines:
        _keep(isinstance(line, CheckLine) and bool(line.subject and line.detail), "a line has subject and detail")
    undeclared = {word for one in observations if (word := word_of(one)) not in healthy.feeds}
    _keep(not undeclared, f"feeds name all that is yielded; beyond them: {sorted(undeclared)}")
    check_observations(observations, clear=True)
    again, _ = read_all(healthy, cursor=done.cursor, now=window.now, zone=window.zone)
    twice = _identities(observations) & _identities(again)
    _keep(not twice, f"from the cursor on nothing is stated twice; here: {sorted(twice)[:3]}")
    _check_loud(broken, window)
    return observations


def read_in_a_reader(
    source: type[Source], options: Mapping[str, object], *, now: datetime, zone: ZoneInfo, cursor: bytes = b""
) -> Reading:
    """One reading as the agent does it: in a process of its own that is held to the manifest. The plugin need not be
    installed; options have the types of TOML.
    """
    package, _, _ = source.__module__.partition(".")
    path = Path(str(sys.modules[package].__file__)).parent
    path = path.parent if hasattr(sys.modules[package], "__path__") else path
    spec = SourceSpec(name=source.plugin, plugin=source.plugin, options=options, module=source.__module__, path=path)
    return read_source(spec, cursor=cursor, now=now, zone=zone)


def options_of_example(source: type[Source]) -> Options:
    """The plugin's own options in its `example`, which is the TOML of one whole [[source]]."""
    table = tomllib.loads(source.example)
    _keep(list(table) == ["source"] and len(table["source"]) == 1, "example is one [[source]] with every option")
    options = table["source"][0]
    _keep(options.get("plugin") == source.plugin, f"example has plugin = {source.plugin!r}")
    _keep("name" in options and ("every" in options) != ("cron" in options), "example has a name, and every or cron")
    return Options({key: value for key, value in options.items() if key not in COMMON})


def identity(observation: Observation) -> str:
    """What makes it the same fact: all but its values. A higher revision is another one."""
    fact = observation.WhichOneof("fact")
    if fact == "measure":
        measure = observation.measure
        dimensions = [(dimension.name, dimension.text) for dimension in measure.dimensions]
        return f"measure {measure.id} {measure.start_ms} {dimensions} revision {measure.revision}"
    if fact == "roll":
        return f"roll {observation.roll.kind} {observation.roll.hour_ms} revision {observation.roll.revision}"
    return str(observation)


def _keep(kept: bool, promise: str) -> None:
    if not kept:
        raise AssertionError(promise)


def _identities(observations: Sequence[Observation]) -> set[str]:
    changing = [one for one in observations if one.WhichOneof("fact") not in SNAPSHOTS]
    found = {identity(one) for one in changing}
    _keep(len(found) == len(changing), "one read states no fact twice")
    return found


def _read_batch(source: Source, window: Window) -> tuple[list[Observation], Done]:
    *observations, done = [*source.read(window)] or [Observation()]
    if not isinstance(done, Done):
        raise AssertionError(f"a read ends with one Done, not with {type(done).__name__}")
    batch = [one for one in observations if isinstance(one, Observation)]
    _keep(len(batch) == len(observations), "before its Done a read yields observations only")
    _keep(isinstance(done.cursor, bytes), "a cursor is bytes")
    _keep(isinstance(done.detail, str) and len(done.detail) <= 500, "a detail has at most 500 characters")
    if done.covers is not None:
        begin, end = done.covers
        _keep(begin.utcoffset() == end.utcoffset() == timedelta(0), "covers are aware datetimes in UTC")
        _keep(begin <= end <= window.now, f"covers run forward and end by now {window.now}, not {begin} to {end}")
    return batch, done


def _check_words(source: Source) -> None:
    options = options_of_example(type(source))
    type(source).from_options(options).manifest()
    options.refuse_unknown()
    _keep(0 <= source.value <= 100, "value is 0..100")
    _keep(bool(source.feeds) and len({*source.feeds}) == len(source.feeds), "feeds name each measure and kind once")
    unknown = [word for word in source.feeds if word not in KINDS and word not in MEASURES]
    _keep(not unknown, f"feeds name measures and kinds of ccmm_proto.kinds, not {unknown}")
    manifest = source.manifest()
    _keep(isinstance(manifest, Manifest) and manifest == source.manifest(), "a manifest is the same each time")


def _check_loud(broken: Source, window: Window) -> None:
    yielded: list[Observation | Done] = []
    try:
        for one in broken.read(window):
            yielded.append(one)
    except SourceUnavailable as error:
        _keep(isinstance(error.reason, Reason) and bool(error.detail), "SourceUnavailable has a Reason and a detail")
        _keep(not any(isinstance(one, Done) for one in yielded), "no Done before a failure")
        return
    raise AssertionError("a source that cannot be read raises SourceUnavailable; this one ended as if it had looked")


_fences: dict[int, tuple[Fence, list[str]]] = {}  # thread -> what it may do now, and what it did beyond


def _note(event: str, args: tuple[object, ...]) -> None:
    if not _fences:
        return
    now = _fences.get(threading.get_ident())
    if now is not None and (why := refusal(now[0], event, args)) is not None:
        now[1].append(f"{event} {args[:2]}: {why}")


@contextmanager
def _noted(manifest: Manifest) -> Iterator[list[str]]:
    """What this thread does beyond the manifest meanwhile. Audit hooks stay for ever, so one is added and kept."""
    if not getattr(sys, "_ccmm_noted", False):
        sys.addaudithook(_note)
        sys._ccmm_noted = True  # type: ignore[attr-defined]
    noted: list[str] = []
    _fences[threading.get_ident()] = (Fence.around(manifest, python_folders()), noted)
    try:
        yield noted
    finally:
        del _fences[threading.get_ident()]
