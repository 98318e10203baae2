"""Derived rows from evidence: what they rest on, and one table of them for each window.

More evidence does not only add such rows: a filled slot joins two runs, a list between two others splits a change.
So a hole unbinds every name of a read that looks at derived rows.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from ccmm_rules.derived import kind_named
from ccmm_rules.evidence import Happening, Span
from ccmm_rules.model import Read
from ccmm_rules.operators.alteration import changes
from ccmm_rules.operators.answers import target_names
from ccmm_rules.operators.breach import breaches
from ccmm_rules.operators.signal import is_too_short, signals_in
from ccmm_rules.operators.silence import Quiet, quiet_of, silences
from ccmm_rules.operators.slot_grid import whole_from
from ccmm_rules.operators.slot_values import slot_values
from ccmm_rules.operators.table import Table
from ccmm_rules.operators.view import REACH_MS, FeedState, View
from ccmm_rules.operators.windows import grain_window, row_window
from ccmm_rules.spec import DAY_MS, Derived, RowSource, Window
from ccmm_rules.vocabulary.tables import Metric

LIST_REACH_MS = 31 * DAY_MS  # a lost list moves what it showed to the next one


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """The rows of one window; `trouble`: why they cannot be known."""

    table: Table
    trouble: str = ""


def feed_of(read: Read, sources: Sequence[RowSource], view: View) -> FeedState:
    """Of what the read's rows rest on, now; the answers that name metrics and targets count as looked at."""
    key = ("feed of", read.fresh_for_ms, tuple((source.kind, source.derived) for source in sources))
    return view.once(key, lambda: _feed_of(read, sources, view))


def _feed_of(read: Read, sources: Sequence[RowSource], view: View) -> FeedState:
    derived = [source.derived for source in sources if source.derived is not None]
    for one in derived:
        state, reason = _answered(one, view)
        if state:
            return FeedState(
                state=state,
                reason=reason,
                watermark_ms=0,
                deadline_ms=None,
                log_index=_answer_index(one, view),
                sources=(),
            )
    feeds = tuple(sorted({feed for source in sources for feed in feeds_now(source, view)}))
    found = view.feed_state(feeds, read.fresh_for_ms) if feeds else _always(view)
    facts = [view.answer_facts(name) for one in derived for name in _answers(one, view)]
    indexes = [quiet.source.log_index for quiet in all_quiet(view)] if any(d.form == "silence" for d in derived) else []
    ends = [end for end in (found.deadline_ms, *(end for _, end in facts)) if end is not None]
    return replace(
        found,
        log_index=max([found.log_index, *indexes, *(index for index, _ in facts)]),
        deadline_ms=min(ends, default=None),
    )


def feeds_now(source: RowSource, view: View) -> tuple[str, ...]:
    """Kinds and measures that the rows rest on; silence rests on having listened."""
    derived = source.derived
    if derived is None:
        return (source.kind,)
    if derived.form == "change":
        return (derived.of,)
    return tuple(sorted({measure for metric in metrics_of(derived, view) for measure in metric.measures}))


def metrics_of(derived: Derived, view: View) -> tuple[Metric, ...]:
    """Of a list, those that it names now."""
    known = view.vocabulary.metrics
    if not derived.is_list:
        return (known[derived.of],) if derived.form in ("breach", "signal") else ()
    entries = view.answers.get(derived.of)
    return tuple(known[name] for name in dict.fromkeys(entries) if name in known) if isinstance(entries, list) else ()


def all_quiet(view: View) -> list[Quiet]:
    """Every source of the center."""
    feeds = sorted((*view.vocabulary.measures, *view.vocabulary.kinds))
    return view.once("quiet", lambda: quiet_of([view.feeding(feed) for feed in feeds]))


def _always(view: View) -> FeedState:
    """Having listened needs no source, but one that was ever heard.

    Windows hang on when somebody was heard last: while all are silent, no earlier silence leaves them by waiting.
    """
    heard = [quiet.spoken[-1].to_ms for quiet in all_quiet(view) if quiet.spoken]
    return FeedState(
        state="" if heard else "missing",
        reason="" if heard else "never",
        watermark_ms=view.at_ms,
        deadline_ms=None,
        log_index=-1,
        sources=(),
        hangs_ms=min(view.at_ms, max(heard, default=view.at_ms)),
    )


def window_of(over: Window, feed: FeedState, zone: ZoneInfo, grain: str = "") -> tuple[Span, Sequence[Span]]:
    """The window of a read of rows, and the closed units of the grain that are expected in it."""
    hangs_ms = feed.watermark_ms if feed.hangs_ms is None else feed.hangs_ms
    span, units = grain_window(over, grain, hangs_ms, zone) if grain else (row_window(over, hangs_ms, zone), ())
    return Span(span.from_ms, feed.watermark_ms), units


def _answers(derived: Derived, view: View) -> list[str]:
    """Names of the scope answers that the rows rest on."""
    targets = [name for metric in metrics_of(derived, view) for name in target_names(metric)]
    return [*([derived.of] if derived.is_list else []), *(targets if _needs_target(derived) else [])]


def _needs_target(derived: Derived) -> bool:
    return derived.form == "breach" and derived.meets is None


def _answer_index(derived: Derived, view: View) -> int:
    return max((view.answer_facts(name)[0] for name in _answers(derived, view)), default=-1)


def _answered(derived: Derived, view: View) -> tuple[str, str]:
    """Whether the center has said which metrics, and what it wants of them."""
    entries = view.answers.get(derived.of) if derived.is_list else None
    if derived.is_list and not isinstance(entries, list):
        return "missing", "unanswered"
    if isinstance(entries, list) and not entries:
        return "inconclusive", "empty"
    metrics = metrics_of(derived, view)
    if isinstance(entries, list) and len(metrics) < len(set(entries)):
        return "inconclusive", "undecidable"
    if _needs_target(derived) and any(view.meets(metric) is None for metric in metrics):
        return "missing", "unanswered"
    return "", ""


def ground_of(sources: Sequence[RowSource], span: Span, view: View) -> Span:
    """From when on all must be known: the first calendar unit is taken whole."""
    assert view.zone is not None
    spans = [whole_from(span, source.derived.every, view.zone) for source in sources if source.derived is not None]
    return min([span, *spans])


def reach_of(sources: Sequence[RowSource]) -> int:
    """How long before the window a lost statement matters, ms."""
    changed = any(source.derived is not None and source.derived.form == "change" for source in sources)
    return LIST_REACH_MS if changed else REACH_MS


def made_of(source: RowSource, view: View, window: Span, watermark_ms: int) -> Made:
    """All rows of the window, made once for all reads that look at it."""
    assert source.derived is not None
    derived = source.derived
    return view.once(
        ("derived", derived, window, watermark_ms), lambda: _made(source.kind, derived, view, window, watermark_ms)
    )


def trouble_of(sources: Sequence[RowSource], view: View, span: Span | None, watermark_ms: int) -> str:
    """Why the derived rows of a window cannot be known; '' where they can."""
    derived = [source for source in sources if source.derived is not None and span is not None]
    return next(
        (made.trouble for source in derived if span and (made := made_of(source, view, span, watermark_ms)).trouble), ""
    )


def _made(name: str, derived: Derived, view: View, window: Span, watermark_ms: int) -> Made:
    kind, zone = kind_named(name, view.vocabulary), view.zone
    assert zone is not None
    rows: list[Happening] = []
    until: dict[int, int] = {}
    trouble = ""
    if derived.form == "silence":
        rows = list(silences(all_quiet(view), window, view.at_ms))
    elif derived.form == "change":
        found = view.evidence.alterations(derived.of, Span(window.from_ms, window.to_ms + 1))
        rows = list(changes(found, view.vocabulary))
    else:
        rows, until, trouble = _measured(derived, view, window, watermark_ms)
    order = sorted(range(len(rows)), key=lambda at: rows[at].started_ms)
    table = Table(
        kind,
        zone,
        view.answers,
        [rows[at] for at in order],
        known_until=[until.get(at, view.at_ms) for at in order] if until else None,
    )
    return Made(table=table, trouble=trouble)


def _measured(
    derived: Derived, view: View, window: Span, watermark_ms: int
) -> tuple[list[Happening], dict[int, int], str]:
    """(rows, until when an open one is known, trouble)."""
    rows: list[Happening] = []
    until: dict[int, int] = {}
    trouble = ""
    assert view.zone is not None
    for metric in metrics_of(derived, view):
        span = whole_from(Span(window.from_ms, watermark_ms - metric.settle_ms), derived.every, view.zone)
        if derived.form == "signal":
            values = slot_values(metric, derived.every, derived.by, view, span)
            trouble = trouble or values.trouble or ("sample" if is_too_short(values) else "")
            rows += signals_in(derived, metric.id, values) if not trouble else []
            continue
        meets = derived.meets or view.meets(metric)
        assert meets is not None
        values = slot_values(metric, derived.every, derived.by, view, span, meets)
        trouble = trouble or values.trouble
        for row in breaches(derived, metric.id, values, meets):
            until[len(rows)] = values.until_ms
            rows.append(row)
    return rows, until, trouble


def silence_again(view: View) -> Iterator[int]:
    """When the passing of time alone makes a silence: a source falls due."""
    yield from (quiet.due_ms + 1 for quiet in all_quiet(view))
