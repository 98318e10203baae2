"""What the names are called that reads over rows bind."""

from ccmm_rules.naming import Names, attribute_title, kind_title
from ccmm_rules.row_names import names_of_rows, row_name
from ccmm_rules.saying import say
from ccmm_rules.spec import Grouping, RowSource, RowsSpec, Test
from ccmm_rules.speech import Speech, window_words

_PERCENTILES = {"p50": "50", "p90": "90", "p95": "95"}


def plural(word: str) -> str:
    """Of an English word."""
    if word.endswith("y"):
        return f"{word[:-1]}ies"
    return f"{word}es" if word.endswith("s") else f"{word}s"


def source_words(source: RowSource, speech: Speech) -> str:
    """A kind and its filter, where that is short enough."""
    title = kind_title(source.kind, source.document_class, speech.language)
    if source.of is None:
        return title
    text = say(source.of.tree, speech.language, names_of_rows(source.kind, speech.language))
    return title + speech.pick(f" ({text})", f"（{text}）") if speech.fits(text) else title


def condition_words(test: Test, speech: Speech, names: Names) -> str:
    """The condition; empty where it is longer than wanted."""
    text = say(test.compiled.tree, speech.language, names)
    return text if speech.fits(text) else ""


def told_of(base: str, window: str, test: Test | None, short: str, speech: Speech, names: Names) -> str:
    """The rows, those on the side that is tested, or the share of these."""
    if test is None or short == "n":
        said = {"share": (f"share of {base}{window}", f"{window}{base}占比")}
        return speech.pick(*said.get(short, (f"{base}{window}", f"{window}{base}数")))
    text = condition_words(test, speech, names)
    failed = {"good": ("that pass the test", "合格的"), "bad": ("that fail the test", "不合格的")}[test.side]
    en = f"{base}{window} where {text}" if text else f"{base}{window} {failed[0]}"
    zh = f"{window}{base}中{text}者" if text else f"{window}{failed[1]}{base}"
    return speech.pick(*((f"share of {en}", f"{zh}的占比") if short == "share" else (en, f"{zh}的数量")))


def rows_phrase(spec: RowsSpec, short: str, speech: Speech) -> str:
    """What a name of a read over rows is called."""
    base, window = source_words(spec.source, speech), window_words(spec.over, speech)
    if spec.newest is not None:
        base = speech.pick(f"newest {spec.newest} {base}", f"最近 {spec.newest} 项{base}")
    if short in ("last_days", "gap_days"):
        said = {
            "last_days": (f"days since the last of {base}", f"距最近一次{base}的天数"),
            "gap_days": (f"longest time in days between {base}{window}", f"{window}{base}的最长间隔天数"),
        }
        return speech.pick(*said[short])
    if short in ("n", "good", "bad", "share"):
        return told_of(base, window, spec.test, short, speech, names_of_rows(spec.source.kind, speech.language))
    if spec.group is not None and short in ("groups", "absent", "least", "most", "covered", "worst", "spread"):
        return _grouped(spec, spec.group, base, window, short, speech)
    return _amount(spec, short, base, window, speech)


def _grouped(spec: RowsSpec, group: Grouping, base: str, window: str, short: str, speech: Speech) -> str:
    kind, test = spec.source.kind, spec.test
    by = attribute_title(group.by, speech.language, kind)
    many = plural(by)
    good = test is not None and test.side == "good"
    text = condition_words(test, speech, names_of_rows(kind, speech.language)) if test is not None and good else ""
    what = f"{base} where {text}" if text else f"good {base}" if good else base
    what_zh = f"{base}（{text}）" if text else f"合格的{base}" if good else base
    said = {
        "groups": (f"{many} with {what}{window}", f"{window}有{what_zh}的{by}数"),
        "absent": (f"{many} without the expected {what}{window}", f"{window}应有而无{what_zh}的{by}数"),
        "least": (f"fewest {what} of any {by}{window}", f"{window}单个{by}最少的{what_zh}数"),
        "most": (f"most {what} of any {by}{window}", f"{window}单个{by}最多的{what_zh}数"),
        "covered": (f"share of expected {many} with {what}{window}", f"{window}有{what_zh}的{by}占比"),
        "worst": (f"share of {what}{window}, worst {by}", f"{window}最差{by}的{what_zh}占比"),
        "spread": (f"spread of the share of {what} by {by}{window}", f"{window}各{by}{what_zh}占比的极差"),
    }
    return speech.pick(*said[short])


def _amount(spec: RowsSpec, short: str, base: str, window: str, speech: Speech) -> str:
    """min max sum p50 p90 p95 of a number or a lag."""
    if spec.lag is not None:
        first, last = (attribute_title(name, speech.language, spec.source.kind) for name in spec.lag)
        what = speech.pick(f"time from {first} to {last}", f"从{first}到{last}的时间")
    else:
        what = row_name(spec.number, speech.language, spec.source.kind)
    return measured_words(what, base, window, short, speech)


def measured_words(what: str, base: str, window: str, short: str, speech: Speech) -> str:
    """The least, the greatest, the sum or a percentile of an amount."""
    most = ("longest", "最长") if what.startswith(("time", "从")) else ("greatest", "最大")
    said = {
        "min": (f"least {what} of {base}{window}", f"{window}{base}{what}的最小值"),
        "max": (f"{most[0]} {what} of {base}{window}", f"{window}{base}{what}的{most[1]}值"),
        "sum": (f"sum of {what} of {base}{window}", f"{window}{base}的{what}合计"),
    }
    part = _PERCENTILES.get(short, "")
    most_take = (f"{what} of {base}{window} ({part} % take no more)", f"{window}{base}{what}的 {part} 分位")
    return speech.pick(*said.get(short, most_take))
