"""Tables and progress on a terminal, plain lines with tabs where the output is piped. Texts in English and Chinese."""

import json
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TextIO

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table

PATIENCE_SECONDS = 3.0

WORDS: dict[str, dict[str, str]] = {
    "en": {
        "satisfied": "satisfied",
        "not_satisfied": "not satisfied",
        "missing": "missing",
        "inconclusive": "inconclusive",
        "not_applicable": "not applicable",
        "waived": "waived",
        "level": "level",
        "none": "no level",
        "provisional": "provisional: {} % backfill",
        "gaps": "to reach {}",
        "open": "open",
        "held": "held down by: ",
        "shortest": "  <- on the shortest way",
        "also_open": "{} more rules are open at that level (--all says what mends them):",
        "also_open_one": "{} more rule is open at that level (--all says what mends it):",
        "at_least": "{} %, at least {} % needed",
        "at_most": "{} %, at most {} % allowed",
        "unpublished": "its text is not public",
        "untested": "no rule speaks to it yet",
        "counted": "{} rules: {}",
        "counted_one": "{} rule: {}",
        "more": "only open rules are shown; --all shows every one",
        "nonconformities": "open nonconformities: {} (outcomes known since {})",
        "no_nonconformity": "no nonconformity is open (outcomes known since {})",
        "untold": "no nonconformities are told here: only by the pack in force, and by what was known at the time",
        "lasted": "not satisfied since {}, grace ended {}",
        "by_now": "; by now {}",
        "patience": "still at work: reading the log and judging",
        "no_waivers": "no waivers",
        "closes": "only a satisfied verdict closes a nonconformity; silence never does",
        "major": "major",
        "minor": "minor",
        "nothing": "none",
        "comma": ", ",
        "colon": ": ",
        "gate": "gate rule",
        "control": "control",
        "pass_share": "share of rules satisfied",
        "dimension_share": "share in dimension",
        "fresh_share": "share with fresh evidence",
        "backfill": "share of backfill",
        "never": "never",
        "revoked": "revoked",
        "silent": "never heard",
        "minutes": "{} min",
        "hours": "{} h",
        "days": "{} days",
        "expired": "expired",
        "slow": "{}: {} is read only every {} s: too slow for {}",
        "rejudging": "re-judging {} of {} by {}; the others stand by the pack before",
        "by": " (by {} {})",
    },
    "zh": {
        "satisfied": "满足",
        "not_satisfied": "不满足",
        "missing": "缺少证据",
        "inconclusive": "无法判定",
        "not_applicable": "不适用",
        "waived": "豁免",
        "level": "等级",
        "none": "未达级",
        "provisional": "暂定：{} % 为补录",
        "gaps": "达到 {}",
        "open": "待满足",
        "held": "受限于：",
        "shortest": "  ← 最短路径",
        "also_open": "该等级另有 {} 条规则未满足（--all 显示改进措施）：",
        "also_open_one": "该等级另有 {} 条规则未满足（--all 显示改进措施）：",
        "at_least": "{} %，至少需 {} %",
        "at_most": "{} %，至多 {} %",
        "unpublished": "原文未公开",
        "untested": "暂无规则对应",
        "counted": "共 {} 条规则：{}",
        "counted_one": "共 {} 条规则：{}",
        "more": "仅显示未满足的规则；--all 显示全部",
        "nonconformities": "未关闭的不符合项：{}（结论记录始于 {}）",
        "no_nonconformity": "没有未关闭的不符合项（结论记录始于 {}）",
        "untold": "此处不列不符合项：仅按当时生效的规则包和当时所知给出",
        "lasted": "自 {} 起不满足，宽限期于 {} 结束",
        "by_now": "；目前{}",
        "patience": "仍在处理：正在读取日志并评定",
        "no_waivers": "没有豁免",
        "closes": "不符合项仅在结论为满足时关闭，没有消息不会使其关闭",
        "major": "严重",
        "minor": "轻微",
        "nothing": "无",
        "comma": "，",
        "colon": "：",
        "gate": "门槛规则",
        "control": "考核点",
        "pass_share": "规则满足率",
        "dimension_share": "维度满足率",
        "fresh_share": "证据新鲜率",
        "backfill": "补录占比",
        "never": "从未",
        "revoked": "已吊销",
        "silent": "从未上报",
        "minutes": "{} 分钟",
        "hours": "{} 小时",
        "days": "{} 天",
        "expired": "已过期",
        "slow": "{}：{} 每 {} 秒才读取一次，对以下规则过慢：{}",
        "rejudging": "正按 {2} 重新裁定：{0}/{1}；其余仍为原规则包的结果",
        "by": "（按 {} {}）",
    },
}
CENTER_COLUMNS = {
    "en": ("center", "level", "coverage", "nonconformities", "oldest evidence", "last seen", "agents"),
    "zh": ("中心", "等级", "覆盖率", "不符合项", "最旧证据", "最近上报", "采集代理"),
}
WAIVER_COLUMNS = {
    "en": ("rule", "from", "until", "approvers", "reason"),
    "zh": ("规则", "自", "至", "批准人", "理由"),
}
ANSWER_COLUMNS = {"en": ("question", "answer", "until"), "zh": ("问题", "答复", "有效至")}
_UNITS = (("days", 86400), ("hours", 3600), ("minutes", 60))  # of an age, in seconds


def show_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table for people; lines with tabs for programs."""
    if not sys.stdout.isatty():
        for row in (columns, *rows):
            print("\t".join(cell.replace("\t", " ").replace("\n", " ") for cell in row))
        return
    table = Table(header_style="bold underline", box=None, padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, overflow="fold", min_width=max(map(cell_len, column.split())))
    for row in rows:
        table.add_row(*row)
    Console(markup=False).print(table)


def show_centers(answer: dict[str, Any], language: str) -> None:
    """The list of centers, with what must be said of them below it."""
    words, lines, pack = WORDS[language], answer["centers"], answer["pack"]
    show_table(
        CENTER_COLUMNS[language],
        [
            (
                line["center"],
                level_words(line, language) + _older(line["judged_by"], pack, words),
                "-" if line.get("coverage") is None else f"{line['coverage']:.0f} %",
                nonconformity_counts(line["nonconformities"], language),
                _age(line["fresh_s"], words),
                minute(line["last_seen"], words["never"]),
                ", ".join(_agent(agent, words) for agent in line["agents"]),
            )
            for line in lines
        ],
    )
    for line in lines:
        for slow in line["slow_sources"]:
            print(words["slow"].format(line["center"], slow["source"], slow["every_s"], ", ".join(slow["rules"])))
    if rejudging := answer["rejudging"]:
        print(words["rejudging"].format(rejudging["done"], rejudging["of"], f"{pack['id']} {pack['version']}"))
    show_notice(answer, language)


def _older(judged_by: dict[str, str] | None, pack: dict[str, Any] | None, words: dict[str, str]) -> str:
    """The pack by which a level stands, where it is not the one in force."""
    if judged_by is None or pack is None or judged_by["digest"] == pack["digest"]:
        return ""
    return words["by"].format(judged_by["id"], judged_by["version"])


def show_notice(answer: dict[str, Any], language: str) -> None:
    """What must be said of the pack wherever its verdicts are shown."""
    if answer["notice"] is not None:
        print(answer["notice"][language])


def _age(seconds: int | None, words: dict[str, str]) -> str:
    """In the largest unit of which there are at least two."""
    if seconds is None:
        return "-"
    unit, size = next(((unit, size) for unit, size in _UNITS if seconds >= 2 * size), _UNITS[-1])
    return words[unit].format(seconds // size)


def minute(instant: str | None, never: str = "-") -> str:
    """`2026-11-22 08:00Z`."""
    return f"{instant[:16].replace('T', ' ')}Z" if instant else never


def _agent(agent: dict[str, Any], words: dict[str, str]) -> str:
    if agent["revoked"] is not None:
        return f"{agent['agent']} ({words['revoked']})"
    return agent["agent"] if agent["last_seen"] else f"{agent['agent']} ({words['silent']})"


def level_words(standing: dict[str, Any], language: str) -> str:
    """`L3 (provisional: 62 % backfill)`; of a model without levels the sentence in which it concludes."""
    if standing.get("level") is None:
        return str((standing.get("sentence") or {}).get(language, "-"))
    words = WORDS[language]
    name = f"L{standing['level']}" if standing["level"] else words["none"]
    if not standing.get("provisional"):
        return name
    return f"{name} ({words['provisional'].format(round(standing['backfill_percent']))})"


def nonconformity_counts(found: dict[str, Any] | None, language: str) -> str:
    """`1 major, 4 minor`; `-` where they cannot be told."""
    if found is None:
        return "-"
    words = WORDS[language]
    said = [f"{found[grade]} {words[grade]}" for grade in ("major", "minor") if found[grade]]
    return words["comma"].join(said) or words["nothing"]


def show_answers(answers: Sequence[dict[str, Any]], language: str) -> None:
    """Scope answers."""
    expired = f" ({WORDS[language]['expired']})"
    rows = [
        (
            answer["key"],
            json.dumps(answer["value"], ensure_ascii=False),
            (answer["until"] or "-") + ("" if answer["in_force"] else expired),
        )
        for answer in answers
    ]
    show_table(ANSWER_COLUMNS[language], rows)


def show_waivers(waivers: Sequence[dict[str, Any]], language: str) -> None:
    """Waivers, ended ones included."""
    if not waivers:
        print(WORDS[language]["no_waivers"])
        return
    expired = f" ({WORDS[language]['expired']})"
    rows = [
        (
            waiver["rule"],
            minute(waiver["from"]),
            minute(waiver["until"]) + (expired if waiver["ended"] else ""),
            ", ".join(waiver["approvers"]),
            waiver["reason"],
        )
        for waiver in waivers
    ]
    show_table(WAIVER_COLUMNS[language], rows)


def show_rebuild(report: dict[str, Any]) -> None:
    """What was compared, then what differs."""
    rows = [(name, str(table["rows"]), table["sha256"][:16]) for name, table in report["tables"].items()]
    show_table(("table", "rows", "sha256"), rows)
    print(f"{report['entries']} entries, {report['verdicts']} verdicts derived again")
    for difference in report["differences"]:
        print(f"differs: {difference}")
    if report["equal"]:
        print(
            "all equal" + ("; the new projection is in place" if report["swapped"] else "; serve runs, nothing swapped")
        )


def progress(stream: TextIO) -> Callable[[str, int, int], None]:
    """Writes one changing line on a terminal, nothing where piped."""

    def tell(what: str, done: int, of: int) -> None:
        if stream.isatty():
            stream.write(f"\r{what}: {done} of {of} " + ("\n" if done >= of else ""))
            stream.flush()

    return tell


@contextmanager
def patience(stream: TextIO, language: str = "en") -> Iterator[None]:
    """Says on a terminal that work goes on, once, after a few seconds of silence; nothing where piped."""
    if not stream.isatty():
        yield
        return
    timer = threading.Timer(PATIENCE_SECONDS, lambda: print(WORDS[language]["patience"], file=stream, flush=True))
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()  # or it would still write between the lines of the answer
