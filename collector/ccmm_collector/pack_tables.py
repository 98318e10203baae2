"""What the commands about packs show on a terminal, in English and Chinese."""

from typing import Any

from ccmm_collector.judge_tables import WORDS, level_words, show_table

DIFF_WORDS = {
    "en": {"added": "added", "removed": "removed", "changed": "changed", "unchanged": "{} centers unchanged"},
    "zh": {"added": "新增", "removed": "移除", "changed": "变更", "unchanged": "{} 个中心无变化"},
}
FEED_COLUMNS = {"en": ("rule", "read", "fact", "fed by"), "zh": ("规则", "读取", "事实", "来源")}
FEED_WORDS = {
    "en": {
        "plugin": "plugin",
        "table": "table",
        "document": "document",
        "attestation": "attestation",
        "none yet": "none yet",
        "hand-kept": "{} (hand-kept)",
        "counted": "{} rules: {}",
        "counted_one": "{} rule: {}",
    },
    "zh": {
        "plugin": "插件",
        "table": "表格",
        "document": "文件",
        "attestation": "声明",
        "none yet": "暂无",
        "hand-kept": "{}（人工维护）",
        "counted": "共 {} 条规则：{}",
        "counted_one": "共 {} 条规则：{}",
    },
}


def show_diff(found: dict[str, Any], language: str) -> None:
    """Rules that differ, then every center that would change."""
    words = DIFF_WORDS[language]
    for what, rules in found["rules"].items():
        if rules:
            print(f"{words[what]}: {', '.join(rules)}")
    for line in found["centers"]:
        old, new = (level_words(line[side], language) for side in ("old", "new"))
        print(f"{line['center']}: {f'{old} -> {new}' if line['level_changes'] else new}")
        for verdict in line["verdicts"]:
            if verdict["new"] is None:  # said of all centers above: removed
                continue
            was, becomes = (_outcome(verdict[side], language) for side in ("old", "new"))
            print(f"  {verdict['rule']}: {was} -> {becomes}")
    print(words["unchanged"].format(found["unchanged"]))
    noticed = [side for side in (found["old"], found["new"]) if side["notice"]]
    lines = [f"{side['pack']['id']} {side['pack']['version']}: {side['notice'][language]}" for side in noticed]
    for line in dict.fromkeys(lines):  # a pack that is compared with itself has one notice
        print(line)


def _outcome(concluded: dict[str, Any] | None, language: str) -> str:
    if concluded is None:
        return "-"
    reached = f" (L{concluded['reached']})" if concluded["reached"] else ""
    return WORDS[language][concluded["outcome"]] + reached


def show_feeds(found: dict[str, Any], language: str) -> None:
    """One line for each fact that a rule reads, then how many rules rest on what."""
    words = FEED_WORDS[language]
    rows = [
        (rule["rule"], read["read"], _fact(feed), _ways(feed, words, language))
        for rule in found["rules"]
        for read in rule["reads"]
        for feed in read["feeds"]
    ]
    show_table(FEED_COLUMNS[language], rows)
    counts = WORDS[language]["comma"].join(f"{words[way]} {count}" for way, count in found["counts"].items())
    number = len(found["rules"])
    print(words["counted_one" if number == 1 else "counted"].format(number, counts))


def _fact(feed: dict[str, Any]) -> str:
    """`device (class camera)`."""
    of = ", ".join(f"{name} {'/'.join(words)}" for name, words in feed["of"].items())
    return f"{feed['feed']} ({of})" if of else str(feed["feed"])


def _ways(feed: dict[str, Any], words: dict[str, str], language: str) -> str:
    if feed["needs"] is not None:
        return f"{words['none yet']}: {feed['needs'][language]}"
    named = ", ".join(way["name"] if way["by"] == "plugin" else words[way["by"]] for way in feed["ways"])
    return words["hand-kept"].format(named) if feed["hand_kept"] else named
