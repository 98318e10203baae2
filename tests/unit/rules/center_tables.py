"""The tables and papers of a good center: people, lists, training, drills, tickets, projects, meetings."""

from ccmm_rules.evidence import AttributeValue
from tests.unit.rules.center_facts import (
    AGENTS,
    DETAIL_DAYS,
    LEAVER,
    NOW,
    OFFICERS,
    PLANS,
    RISKS,
    ROLES,
    SourceFile,
    ago,
    ms,
    single_calls,
)


def people(days: int) -> SourceFile:
    file = SourceFile(name="hr", from_ms=ms(NOW) - 601_000)
    joined = ago(days + 20)
    for person in (*AGENTS, *OFFICERS):
        agent = person in AGENTS
        file.enter("person", person, active=True, agent=agent, access=True, worked_days=20, joined=joined, billed=agent)
    file.enter(
        "person",
        LEAVER,
        active=False,
        agent=True,
        access=False,
        worked_days=0,
        joined=joined,
        left=ago(20, 10),
        billed=False,
    )
    return file


def papers() -> SourceFile:
    file = SourceFile(name="papers", from_ms=ms(NOW) - 601_000)
    classes = {"risk_register": "", "security_policy": "", "security_course": "", "strategy": ""}
    papers = list(classes.items()) + [("emergency_plan", scope) for scope in PLANS]
    for name, scope in papers:
        file.enter(
            "document",
            f"{name}-{scope}",
            **{"class": name},
            scope=scope,
            title=f"{name} {scope}",
            version="2",
            owner=OFFICERS[0],
            approver="top_management",
            live=True,
            topics=("return_to_normal", "reconciliation"),
            approved=ago(100),
            reviewed=ago(100),
            copy_checked=ago(50),
        )
    return file


def registers() -> SourceFile:
    file = SourceFile(name="lists", from_ms=ms(NOW) - 601_000)

    def line(register: str, word: str, number: int = 1, **more: AttributeValue) -> None:
        file.enter("register", f"{register}-{word}-{number}", register=register, **{"class": word}, **more)

    for risk in RISKS:
        line("risk", risk, complete=True)
    for index, word in enumerate(("owner", "deputy")):
        line("security_role", word, person=OFFICERS[index])
    for index, role in enumerate(ROLES):
        for number in (0, 1):
            line("emergency_contact", role, number, person=OFFICERS[2 * index + number], verified=ago(30))
    line("goal", "service", metrics=("service_level",), points=("M3_indicators",))
    return file


def training(old: int) -> SourceFile:
    file = SourceFile(name="training", from_ms=old)
    for person in (*AGENTS, *OFFICERS):
        for course in ("onboarding", "security", "security_policy", "emergency"):
            at = ago(68) if course == "onboarding" else ago(40)
            file.happen(
                "training", f"{course}-{person}", at, course=course, person=person, passed=True, attempts=1, score=90.0
            )
    return file


def drills(old: int) -> SourceFile:
    file = SourceFile(name="drills", from_ms=old)

    risks = iter(RISKS * 2)

    def drill(word: str, days: float, **more: AttributeValue) -> None:
        file.happen(
            "exercise", f"{word}-{days}", ago(days, 6), **{"class": word}, risk=next(risks), passed=True, **more
        )

    drill("evacuation", 35, minutes=4.0)
    drill("evacuation", 200, minutes=4.5)
    for word, days in (("failover", 60), ("power", 80), ("second_site", 90)):
        drill(word, days, minutes=30.0)
    drill("call_tree", 40, share=96.0, minutes=18.0)
    for word, days in (("failover", 60), ("power", 80), ("second_site", 90), ("call_tree", 40)):
        file.happen("notice", f"n-{days}", ago(days, 6, 2), exercise=f"{word}-{days}")
    drill("restore", 33, full=True, minutes=50.0, rto_minutes=120.0)
    drill("phishing", 20, share=4.0)
    drill("phishing", 190, share=7.0)
    return file


def events(old: int) -> SourceFile:
    file = SourceFile(name="events", from_ms=old)
    for days in (12, 70, 150):
        at = ago(days, 3)
        stamps = {"detected": at, "declared": at + 9 * 60_000, "told": at + 14 * 60_000}
        file.happen("incident", f"i{days}", at, grade="III", **stamps)
    for days in (3, 30, 75):
        at = ago(days, 3)
        stamps = {"acked": at + 3 * 60_000, "acted": at + 6 * 60_000}
        file.happen("alert", f"w{days}", at, signal="queue", colour="orange", **stamps)
    for days in range(60):
        file.happen("job", f"b{days}", ago(days, 1), **{"class": "backup"}, copy=f"copy-{days}", verified=True)
    for days in range(15):
        file.enter("holding", f"copy-{days}", **{"class": "backup"}, copy=f"copy-{days}", newest=ago(0, 1))
    for quarter in range(4, 96 * 32):
        file.read("reading", ms(NOW) - 900_000 * quarter, 2.0, quantity="security_on_call")
    return file


def tickets(begin: int, days: int) -> SourceFile:
    file = SourceFile(name="tickets", from_ms=begin)
    for call, start, _, agent in single_calls(DETAIL_DAYS):
        if start >= begin:
            file.happen("contact", 50_000 + call, start, call=call, channel="voice", agent=agent)
    for number in range(80):
        at = ago(3 + number * 0.7, 3)
        word = "complaint" if number % 5 == 0 else "request"
        times = {"due": at + 48 * 3_600_000, "closed": at + 20 * 3_600_000}
        if at >= begin:
            file.happen("case", 90_000 + number, at, **{"class": word}, due_moves=0, bare_pauses=0, **times)
    for day in range(1, days):
        for measure, n in (("cases_closed", 5), ("cases_reopened", 0), ("cases_sampled", 2), ("cases_wrong", 0)):
            file.count(measure, ago(day, -8), n, period_s=86_400)
    return file


def quality(begin: int, days: int) -> SourceFile:
    file = SourceFile(name="quality", from_ms=begin)
    for agent in AGENTS:
        for number in range(12):
            at = ago(2 + 4 * number)
            file.happen("sample", f"q-{agent}-{number}", at, **{"class": "quality"}, agent=agent, random=True)
    for day in range(1, days):
        file.count("survey_answered", ago(day, 3), 20, drawn="automatic")
        file.count("survey_favourable", ago(day, 3), 19, drawn="automatic")
        file.count("proficiency_time", ago(day, -8), 1, period_s=86_400)  # five weeks
    return file


def projects(old: int) -> SourceFile:
    file = SourceFile(name="projects", from_ms=old)

    def project(word: str, number: int, days: int, **more: AttributeValue) -> None:
        file.happen("project", f"{word}-{number}", ago(days), **{"class": word}, **more)

    for number in range(5):
        project("improvement", number, 330, method=True, held_days=120, closed=ago(140), metric="aht")
    for number in range(6):
        live = {"live": ago(60)} if number < 2 else {}
        project("idea", number, 200, metric="csat", accepted=True, decided=ago(150), **live)
    stamps = {"decided": ago(80), "live": ago(70), "measure_set": ago(130)}
    project("tool", 1, 120, control_group=True, privacy_ok=True, **stamps)
    return file


def meetings(begin: int) -> SourceFile:
    file = SourceFile(name="meetings", from_ms=begin)

    def review(word: str, subject: str, days: int) -> None:
        file.happen(
            "review",
            f"{word}-{days}",
            ago(days),
            **{"class": word},
            subject=subject,
            client="acme",
            decisions=3,
            changes=2,
        )

    review("access", "directory", 44)
    review("client_operations", "acme", 15)
    review("client_business", "acme", 50)
    for number in range(6):
        at = ago(20 + number)
        file.happen(
            "action", f"act-{number}", at, source="client_review", due=at + 14 * 86_400_000, closed=at + 6 * 86_400_000
        )
    return file
