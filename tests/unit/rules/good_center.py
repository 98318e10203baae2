"""A center that does everything right, as facts in memory: what the pack cc_cmm can read, and no more.

`good_center(months)` gives the facts by source; a test spoils one of them and looks at what the rules say.
"""

from ccmm_rules.evidence import AttributeValue
from ccmm_rules.vocabulary.tables import load_vocabulary
from tests.unit.rules.center_facts import (
    AGENTS,
    DETAIL_DAYS,
    LEAVER,
    NOW,
    OFFICERS,
    QUEUES,
    SourceFile,
    Sources,
    ago,
    ms,
    single_calls,
)
from tests.unit.rules.center_tables import (
    drills,
    events,
    meetings,
    papers,
    people,
    projects,
    quality,
    registers,
    tickets,
    training,
)


def good_center(months: float) -> Sources:
    """Facts by source name, for a center that opened so many months (of 30.5 days) ago."""
    days = round(months * 30.5)
    begin = ago(days, 0)
    old = ago(max(days, 400), 0)  # tables of people and papers are older than the switch
    files = (
        _switch(begin, days),
        _recorder(begin),
        _doors(begin),
        _directory(),
        _snapshots(begin),
        people(days),
        papers(),
        registers(),
        training(old),
        drills(old),
        events(old),
        tickets(begin, days),
        quality(begin, days),
        projects(old),
        meetings(begin),
    )
    return {file.name: file for file in files}


def _switch(begin: int, days: int) -> SourceFile:
    file = SourceFile(name="pbx", from_ms=begin)
    buckets = len(load_vocabulary().wait_bounds_s) + 1
    waits = (20, 3, 1, *((0,) * (buckets - 3)))
    lost = (0, 1, 0, 0, 0, 1, *((0,) * (buckets - 6)))  # one within five seconds, one after twenty
    for day in range(1, days):
        for queue in QUEUES:
            start = ago(day, 2)
            for measure, n in (
                ("calls_offered", 26),
                ("calls_answered", 24),
                ("calls_abandoned", 2),
                ("short_calls", 0),
            ):
                file.count(measure, start, n, queue=queue)
            file.count("wait_answered", start, 24, waits, queue=queue)
            file.count("wait_abandoned", start, 2, lost, queue=queue)
        for agent in AGENTS:
            file.count("agent_calls", ago(day, -8), 8, period_s=86_400, agent=str(agent))
            file.count("agent_short_calls", ago(day, -8), 0, period_s=86_400, agent=str(agent))
    how: dict[str, AttributeValue] = {"system": "acd", "answered": True, "required": True, "talk": 120}
    for call, start, queue, agent in single_calls(days):
        file.happen("call", call, start, **how, queue=queue, agent=agent, number=call, released_by="caller")
    for day in range(1, min(days, DETAIL_DAYS)):
        for agent in AGENTS:
            file.happen("session", 1000 * day + agent, ago(day, 1), system="acd", person=agent)
    return file


def _recorder(begin: int) -> SourceFile:
    file = SourceFile(name="recorder", from_ms=begin)
    for call, start, queue, agent in single_calls(DETAIL_DAYS):
        if start >= begin:
            file.happen("recording", call, start, call=call, queue=queue, agent=agent, length=120, playable=True)
    file.enter("holding", "recordings", **{"class": "recording"}, kept_days=59, files=1400, empty_files=3)
    for number in range(52):
        at = max(ago(2 + number % 18, 3, number), begin)
        band = ("newest", "second", "third", "oldest")[number % 4]
        file.happen(
            "sample",
            f"draw-{number}",
            at,
            **{"class": "recording_retrieval"},
            drawn="collector",
            passed=True,
            band=band,
        )
    return file


def _doors(begin: int) -> SourceFile:
    file = SourceFile(name="doors", from_ms=begin)
    for day in range(1, DETAIL_DAYS):
        for agent in AGENTS:
            _pass(file, agent, ago(day, 0, 45), "in", begin)
            _pass(file, agent, ago(day, 10), "out", begin)
        for agent in AGENTS:
            if (start := ago(day, 0, 45)) >= begin:
                file.happen(
                    "presence", f"{agent}-{day}", start, ago(day, 10), person=agent, visitor=False, on_site=True
                )
    for days in (35, 200):
        if (start := ago(days, 6)) >= begin:
            file.count("floor_exits", start, 40)  # the evacuation drills
    file.enter(
        "holding", "doors", **{"class": "door"}, kept_days=min((ms(NOW) - begin) // 86_400_000, 400), began=begin
    )
    for person in (*AGENTS, *OFFICERS):
        file.enter("badge", 5000 + person, **{"class": "personal"}, person=person, enabled=True)
    file.enter("badge", 5000 + LEAVER, **{"class": "personal"}, person=LEAVER, enabled=False)
    return file


def _pass(file: SourceFile, person: int, at: int, direction: str, begin: int) -> None:
    if at >= begin:
        file.happen(
            "passage",
            len(file.rows.get("passage", ())),
            at,
            person=person,
            badge_class="personal",
            direction=direction,
            result="open",
            controlled=True,
        )


def _directory() -> SourceFile:
    file = SourceFile(name="directory", from_ms=ms(NOW) - 601_000)
    for person in (*AGENTS, *OFFICERS):
        file.enter(
            "account",
            7000 + person,
            system="directory",
            person=person,
            enabled=True,
            service=False,
            privileged=person in OFFICERS[:2],
            mfa=True,
            created=ago(300),
            last_login=ago(1),
        )
    file.enter(
        "account", 7000 + LEAVER, system="directory", person=LEAVER, enabled=False, service=False, created=ago(300)
    )
    file.enter("account", 7999, system="directory", enabled=True, service=True, created=ago(300))
    return file


def _snapshots(begin: int) -> SourceFile:
    """Settings are read every day; none was altered."""
    file = SourceFile(name="snapshots", from_ms=begin)
    file.enter("setting", "lockout", system="directory", **{"class": "lock_out"}, number=5.0)
    return file
