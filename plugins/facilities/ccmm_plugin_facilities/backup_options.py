"""The options of [[source.copies]]: what has to be copied and when."""

from collections.abc import Iterator, Sequence
from datetime import time, timedelta
from typing import Final

from ccmm_agent.plugin import BadOption, CheckLine, Options
from ccmm_plugin_facilities.backup_due import Copy

_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_LONGEST: Final = timedelta(hours=20)  # so that no snapshot can be of two jobs


def copies_of(options: Options, tool: str) -> tuple[Copy, ...]:
    """At least one; raises BadOption."""
    copies = tuple(_copy(one, tool) for one in options.tables("copies"))
    if not copies:
        raise BadOption("copies", "at least one [[source.copies]]")
    if len({copy.name for copy in copies}) < len(copies):
        raise BadOption("copies", "another name for each copy")
    return copies


def span(options: Options, key: str, default: int) -> timedelta:
    return timedelta(seconds=options.seconds(key, default))


def limits_lines(copies: Sequence[Copy]) -> Iterator[CheckLine]:
    """Restore tests without a limit prove nothing."""
    for option, without, what in (
        ("rto", [copy.name for copy in copies if copy.rto_minutes is None], "no restore is in time"),
        ("rpo", [copy.name for copy in copies if copy.rpo_minutes is None], "no restore brings enough back"),
    ):
        if without:
            yield CheckLine("warning", option, f"without it {what}: {', '.join(without)[:200]}")


def _copy(options: Options, tool: str) -> Copy:
    within = span(options, "within", 6 * 3600)
    rto, rpo = options.seconds("rto", None), options.seconds("rpo", None)
    if within > _LONGEST:
        raise BadOption("within", "at most 20h")
    found = Copy(
        name=options.text("copy"),
        due=_time(options.text("due")),
        weekdays=_weekdays(options.texts("weekdays", _DAYS)),
        within=within,
        host=options.text("host", None),
        tags=frozenset(options.texts("tags", ())),
        path=options.text("path", None),
        prefix=options.text("prefix", ""),
        project=options.text("project", None),
        rto_minutes=None if rto is None else rto / 60,
        rpo_minutes=None if rpo is None else rpo / 60,
    )
    other = (found.tags or found.path) if tool == "borg" else found.prefix
    if other:
        raise BadOption("copies", f"host and prefix with borg; host, tags and path with restic: {found.name}")
    return found


def _time(text: str) -> time:
    try:
        found = time.fromisoformat(text)
    except ValueError:
        raise BadOption("due", 'a time of day such as "01:30"') from None
    if found.tzinfo is not None:
        raise BadOption("due", "a time of day without a zone; see the option zone")
    return found


def _weekdays(words: tuple[str, ...]) -> frozenset[int]:
    if not words or set(words) - {*_DAYS}:
        raise BadOption("weekdays", f"some of {', '.join(_DAYS)}")
    return frozenset(map(_DAYS.index, words))
