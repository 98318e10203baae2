"""The demo's centers without agents and processes: their files read by the real sources, judged from a real projection.

with OfflineCenter(folder, HARBOUR, now) as center:
    center.verdicts()["D-SEC-09"].outcome
"""

import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
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


class OfflineCenter:
    """One demo center, everything it has told by `now`."""

    def __init__(self, folder: Path, character: Character, now: datetime) -> None:
        self.character, self.now, self._now_ms = character, now, to_ms(now)
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
        sources = load_sources()
        self._attest(folder, agent)
        with self._center.systems() as text:
            for table in tomllib.loads(text)["source"]:
                options = Options({key: value for key, value in table.items() if key not in OF_SCHEDULE})
                source = sources[table["plugin"]].from_options(options)
                for number, (observations, done) in enumerate(_batches(source, self.now)):
                    run = self._run(table, source.feeds, number, observations, done)
                    for part in parts_of(run, redact(observations, KEY)):
                        self._append(agent.sign(Statement(created_ms=self._now_ms, run=part)))

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


def _batches(source: Source, now: datetime) -> Iterator[tuple[list[Observation], Done]]:
    """One read after the other until all history is there."""
    cursor = b""
    while True:
        *observations, done = source.read(Window(cursor=cursor, now=now, zone=ZONE))
        assert isinstance(done, Done)
        yield [one for one in observations if isinstance(one, Observation)], done
        if not done.more:
            return
        cursor = done.cursor


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
