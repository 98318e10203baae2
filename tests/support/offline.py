"""The demo's centers without agents and processes: their files read by the real sources, judged from a real projection.

with OfflineCenter(folder, HARBOUR, now) as center:
    center.verdicts()["D-SEC-09"].outcome
"""

import json
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ccmm_agent.attest import Stated, parse_setting, read_attestations, state
from ccmm_agent.config import OF_SCHEDULE
from ccmm_agent.outbox import parts_of
from ccmm_agent.plugin import Done, Observation, Options, Source, Window
from ccmm_agent.plugins import load_sources
from ccmm_agent.redact import redact
from ccmm_collector.known import Known
from ccmm_collector.packs import built_in
from ccmm_collector.projection import Projection
from ccmm_proto.envelope import parse_envelope
from ccmm_proto.period import to_ms
from ccmm_proto.pseudonym import PseudonymKey
from ccmm_proto.v1.statement_pb2 import EMPTY, OBSERVED, Run, Span, Statement
from ccmm_rules.evaluate import judge
from ccmm_rules.level import LevelResult, level_of
from ccmm_rules.load import load_pack
from ccmm_rules.model import Pack
from ccmm_rules.verdict import Verdict
from demo.calls import ZONE
from demo.center import Center
from demo.characters import Character
from demo.headquarters import scope_of
from demo.papers import attestations_of
from tests.unit.collector.chapters import Agent, Clock, answer, new_log

KEY = PseudonymKey(bytes(range(32)))


# starts systems that the stack ends; the [[source]] tables that read them
More = Callable[[ExitStack, Path, datetime], Sequence[Mapping[str, object]]]
LOOKS = 9  # five minutes apart: sources that look state a quarter hour when it is over


class OfflineCenter:
    """One demo center, everything it has told by `now`; `more` starts further systems and says how they are read."""

    def __init__(self, folder: Path, character: Character, now: datetime, more: More | None = None) -> None:
        self.character, self.now, self._now_ms, self._more = character, now, to_ms(now), more
        self.told: Counter[str] = Counter()  # observations by source type
        self._clock = Clock(self._now_ms)
        self._center = Center(character, folder / "place", folder / "log", now)
        self._center.build()
        self.log = new_log(folder / "collector", self._clock)
        for line in scope_of(character):
            key, _, value = line.partition("=")
            answer(self.log, key, value if _is_json(value) else json.dumps(value), center=character.id)
        self._tell(folder)
        self.projection = Projection.open(folder / "collector", log_id=self.log.log_id)
        while entries := self.log.entries(after=self.projection.position, limit=500):
            self.projection.apply(entries)
        self.known = Known(
            self.projection.view(character.id, self.projection.position), log_id=self.log.log_id, at_ms=self._now_ms
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.projection.close()
        self.log.close()

    def verdicts(self, pack: Pack | None = None) -> dict[str, Verdict]:
        """By the pack cc_cmm, or by another."""
        return judge(pack or load_pack(built_in()), self.known, self._now_ms)

    def level(self, pack: Pack, verdicts: Mapping[str, Verdict]) -> LevelResult:
        """The center's level."""
        return level_of(pack, verdicts, self.known, self._now_ms)

    def _tell(self, folder: Path) -> None:
        agent = Agent(center=self.character.id, name="agent-1")
        self._attest(folder, agent)
        with self._center.systems() as text:
            for table in tomllib.loads(text)["source"]:
                self._read(agent, table, [self.now])
        if self._more is None:
            return
        looks = [self.now - timedelta(minutes=5 * ago) for ago in reversed(range(LOOKS))]
        with ExitStack() as stack:
            for table in self._more(stack, folder / "more", self.now):
                self._read(agent, table, looks)

    def _read(self, agent: Agent, table: Mapping[str, Any], looks: Sequence[datetime]) -> None:
        options = {key: _as_toml(value) for key, value in table.items() if key not in OF_SCHEDULE}
        source = load_sources()[table["plugin"]].from_options(Options(options))
        number, cursor = 0, b""
        for now in looks:
            for observations, done in _batches(source, now, cursor):
                run = self._run(table, source.feeds, number, observations, done)
                for part in self._signed(run, observations):
                    self._append(agent.sign(Statement(created_ms=self._now_ms, run=part)))
                self.told[table["plugin"]] += len(observations)
                number, cursor = number + 1, done.cursor

    def _attest(self, folder: Path, agent: Agent) -> None:
        for (kind, title), settings in attestations_of(self.character, self.now).items():
            said = dict(parse_setting(setting) for setting in settings)
            state(folder, Stated(kind=kind, title=title, sha256="0" * 64, stated_ms=0, until_ms=None, attributes=said))
        reading = read_attestations(folder, cursor=b"", now=self.now)
        done = Done(reading.covers, b"")
        run = self._run(
            {"name": "attestations", "plugin": "attestations"}, reading.feeds, 0, reading.observations, done
        )
        for part in parts_of(run, redact(reading.observations, KEY)):
            self._append(agent.sign(Statement(created_ms=self._now_ms, run=part)))

    def _signed(self, run: Run, observations: list[Observation]) -> list[Run]:
        """What an agent would sign of a reading."""
        return parts_of(run, redact(observations, KEY))

    def _run(
        self, table: Mapping[str, Any], feeds: Sequence[str], number: int, observations: list[Observation], done: Done
    ) -> Run:
        run = Run(
            source=table["name"],
            plugin=table["plugin"],
            run_id=f"{table['name']}-{number}",
            due_ms=self._now_ms,
            started_ms=self._now_ms,
            finished_ms=self._now_ms,
            every_s=300,
            feeds=feeds,
            outcome=OBSERVED if observations else EMPTY,
            pseudonym_key_id=KEY.key_id,
        )
        if done.covers is not None:
            run.covers.CopyFrom(Span(from_ms=to_ms(done.covers[0]), to_ms=to_ms(done.covers[1])))
        return run

    def _append(self, envelope: bytes) -> None:
        opened = parse_envelope(envelope)
        statement = Statement.FromString(opened.payload)
        self.log.write(
            lambda transaction: transaction.append_statement(envelope, opened, statement, counted=True, holds=True)
        ).result()


def _batches(source: Source, now: datetime, cursor: bytes) -> Iterator[tuple[list[Observation], Done]]:
    """One read after the other until all history is there."""
    while True:
        *observations, done = source.read(Window(cursor=cursor, now=now, zone=ZONE))
        assert isinstance(done, Done)
        yield [one for one in observations if isinstance(one, Observation)], done
        if not done.more:
            return
        cursor = done.cursor


def _as_toml(value: object) -> object:
    return str(value) if isinstance(value, Path) else value


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
