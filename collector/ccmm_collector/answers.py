"""What the commands tell about centers, as plain documents: the same instant gives the same document at any time."""

import json
from typing import Any

from ccmm_collector import projection_sql as sql
from ccmm_collector.inquiry import Inquiry, Moment
from ccmm_collector.known import Known
from ccmm_collector.nonconformities import Turns, began, counts, open_nonconformities
from ccmm_collector.packs import Chosen, is_over
from ccmm_collector.verdict_store import Judged
from ccmm_proto.period import from_ms
from ccmm_rules.evidence import SourceFacts
from ccmm_rules.model import Outcome, Pack
from ccmm_rules.nonconformity import Nonconformity
from ccmm_rules.operators.needed import needed_feeds
from ccmm_rules.verdict import Verdict, canonical_json

# What the list of centers says of each one's level, whatever the scoring model.
_SHOWN = ("level", "provisional", "backfill_percent", "coverage", "next_level", "model", "standing", "sentence")

_OVER = {
    "en": "this version of the pack was effective until {}: put its successor in force",
    "zh": "该版本规则包有效期至 {}：请启用后续版本",
}


def iso(instant_ms: int | None) -> str | None:
    """An instant in UTC as people write it."""
    return None if instant_ms is None else from_ms(instant_ms).isoformat(timespec="milliseconds")


def verdicts_answer(inquiry: Inquiry, center: str, moment: Moment, pack_words: str | None) -> dict[str, Any]:
    """Every rule's verdict, the level, and the nonconformities."""
    chosen = inquiry.chosen(pack_words, moment)
    judged = inquiry.judge(center, moment, chosen.pack)
    turns = inquiry.turns(center, moment, chosen.pack)
    verdicts = [_verdict(chosen.pack, verdict, turns) for _, verdict in sorted(judged.verdicts.items())]
    return {
        **_head(inquiry, judged, chosen, moment),
        "level": json.loads(judged.level or "null"),
        "nonconformities": _nonconformities(chosen.pack, judged, turns),
        "headings": _headings(chosen.pack),
        "verdicts": verdicts,
    }


def level_answer(inquiry: Inquiry, center: str, moment: Moment, pack_words: str | None) -> dict[str, Any]:
    """The level and the nonconformities."""
    chosen = inquiry.chosen(pack_words, moment)
    judged = inquiry.judge(center, moment, chosen.pack)
    found = _nonconformities(chosen.pack, judged, inquiry.turns(center, moment, chosen.pack))
    head = _head(inquiry, judged, chosen, moment)
    return {**json.loads(judged.level or "{}"), **head, "nonconformities": found}


def _headings(pack: Pack) -> list[dict[str, Any]]:
    """In the order of the pack."""
    return [{"id": heading.id, "title": dict(heading.titles)} for heading in pack.headings.values()]


def _nonconformities(pack: Pack, judged: Judged, turns: Turns | None) -> dict[str, Any] | None:
    """None where no history says how long an outcome has lasted: of other knowledge, or of a pack not in force."""
    if turns is None:
        return None
    now = {rule: verdict.outcome for rule, verdict in judged.verdicts.items()}
    found = open_nonconformities(pack, turns, judged.at_ms, now)
    kept = min((changes[0][0] for changes in turns.values()), default=judged.at_ms)
    opened = [_nonconformity(pack, one, now[one.rule]) for one in found]
    return {**counts(found), "kept_since": iso(kept), "open": opened}


def _nonconformity(pack: Pack, one: Nonconformity, outcome: Outcome) -> dict[str, Any]:
    rule = pack.rules[one.rule]
    return {
        "rule": rule.id,
        "title": dict(rule.titles),
        "level": rule.level,
        "grade": one.grade,
        "since": iso(one.since_ms),
        "grace_ended": iso(one.opened_ms),
        "outcome": outcome,
    }


def _head(inquiry: Inquiry, judged: Judged, chosen: Chosen, moment: Moment) -> dict[str, Any]:
    return {
        "center": judged.center,
        "at": iso(moment.at_ms),
        "known_at": iso(moment.known_ms),
        "log_id": inquiry.log.log_id,
        "log_index": judged.log_index,
        **pack_head(chosen, moment.at_ms),
    }


def pack_head(chosen: Chosen, at_ms: int) -> dict[str, Any]:
    """By which pack, who answers for it, and what must be said wherever its verdicts are shown."""
    pack, trust = chosen.pack, chosen.trust
    named = {"id": pack.id, "version": pack.version, "digest": pack.digest}
    signed_by = {"name": trust.signer or None, "key": trust.key.hex()} if trust.key else None
    return {"pack": {**named, "trust": trust.word, "signed_by": signed_by}, "notice": _notice(chosen, at_ms)}


def _notice(chosen: Chosen, at_ms: int) -> dict[str, str] | None:
    """That nobody answers for a pack, or that its last day has passed."""
    said = [chosen.trust.notice] if chosen.trust.notice is not None else []
    if is_over(chosen.pack, at_ms):
        said.append({language: words.format(chosen.pack.effective_until) for language, words in _OVER.items()})
    return {language: "; ".join(words[language] for words in said) for language in _OVER} if said else None


def _verdict(pack: Pack, verdict: Verdict, turns: Turns | None) -> dict[str, Any]:
    rule = pack.rules[verdict.rule]
    since = None if turns is None else began(turns, rule.id, verdict.outcome, verdict.at_ms)
    return {
        **json.loads(canonical_json(verdict)),
        "title": dict(rule.titles),
        "heading": rule.heading,
        "level": rule.level,
        "gate": rule.gate,
        "remedy": dict(rule.remedy),
        "since": iso(since),
        "valid_until": iso(verdict.valid_until_ms),
        "look_again": iso(verdict.look_again_ms),
        "at": iso(verdict.at_ms),
    }


def centers_answer(inquiry: Inquiry, moment: Moment, pack_words: str | None) -> dict[str, Any]:
    """Every center; while a new pack judges them one after the other, the others stand by the pack before."""
    chosen = None
    if pack_words is not None or inquiry.activations(moment):
        chosen = inquiry.chosen(pack_words, moment)
    lines = [center_line(inquiry, name, moment, chosen, older=pack_words is None) for name in inquiry.centers(moment)]
    head = {"pack": None, "notice": None} if chosen is None else pack_head(chosen, moment.at_ms)
    rejudging = None
    if chosen is not None and pack_words is None and moment.is_now:
        done, of = inquiry.rejudging(chosen.pack)
        rejudging = {"done": done, "of": of} if done < of else None
    return {"at": iso(moment.at_ms), "known_at": iso(moment.known_ms), **head, "rejudging": rejudging, "centers": lines}


def center_line(
    inquiry: Inquiry, center: str, moment: Moment, chosen: Chosen | None, *, older: bool = False
) -> dict[str, Any]:
    """One center in the list of all; `older`: its level may still be that of the pack before."""
    known = inquiry.known(center, moment)
    line: dict[str, Any] = {
        "center": center,
        "last_seen": iso(_last_seen(inquiry, center, moment)),
        "fresh_s": _fresh_s(known, moment),
        "agents": _agents(inquiry, center, moment),
    }
    if chosen is None:
        return {**line, **dict.fromkeys(_SHOWN), "judged_by": None, "nonconformities": None, "slow_sources": []}
    pack = chosen.pack
    standing = json.loads(inquiry.level(center, moment, pack, older=older))
    by = {"id": standing["pack"], "version": standing["pack_version"], "digest": standing["pack_digest"]}
    shown = {name: standing.get(name) for name in _SHOWN}
    turns = inquiry.turns(center, moment, pack)
    found = None if turns is None else counts(open_nonconformities(pack, turns, moment.at_ms))
    return {**line, **shown, "judged_by": by, "nonconformities": found, "slow_sources": slow_sources(pack, known)}


def _last_seen(inquiry: Inquiry, center: str, moment: Moment) -> int | None:
    rows = inquiry.projection.rows(sql.LAST_SEEN, center, moment.index)
    return rows[0][0] if rows else None


def _fresh_s(known: Known, moment: Moment) -> int | None:
    """Age of the oldest newest word among the sources; None where one of them never vouched for anything."""
    marks = [facts.watermark_ms for facts in known.sources()]
    vouched = [mark for mark in marks if mark is not None]
    return (moment.at_ms - min(vouched)) // 1000 if vouched and len(vouched) == len(marks) else None


def _agents(inquiry: Inquiry, center: str, moment: Moment) -> list[dict[str, Any]]:
    """Enrolled agents with their newest state; one that never spoke says so."""
    agents: dict[str, dict[str, Any]] = {}
    for agent, act, detail, _ in inquiry.projection.rows(sql.AGENTS, center, moment.index):
        line = agents.setdefault(agent, {"agent": agent, "last_seen": None, "revoked": None})
        line["revoked"] = detail if act == "revoked" else None if act == "enrolled" else line["revoked"]
    for agent, recorded_ms in inquiry.projection.rows(sql.AGENTS_SEEN, center, moment.index):
        agents.setdefault(agent, {"agent": agent, "revoked": None})["last_seen"] = iso(recorded_ms)
    return [agents[agent] for agent in sorted(agents)]


def slow_sources(pack: Pack, known: Known) -> list[dict[str, Any]]:
    """Sources that are read too seldom for a rule: their evidence would run out before the next run."""
    found: dict[str, dict[str, Any]] = {}
    for rule in pack.rules.values():
        for read in rule.reads:
            for feed in needed_feeds(read, pack.vocabulary):
                for facts in known.feeding(feed):
                    if is_too_slow(facts, read.fresh_for_ms):
                        name = f"{facts.agent}/{facts.source}"
                        line = found.setdefault(name, {"source": name, "every_s": facts.every_s, "rules": []})
                        if rule.id not in line["rules"]:
                            line["rules"].append(rule.id)
    return [found[name] for name in sorted(found)]


def is_too_slow(facts: SourceFacts, fresh_for_ms: int) -> bool:
    """Whether twice its interval is more than three times what the rule allows (FORMATS §7)."""
    return 2 * facts.every_s * 1000 + 120_000 > 3 * fresh_for_ms
