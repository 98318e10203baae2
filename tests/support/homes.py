"""Joined agent folders for tests, made with the product's own code against a FakeCollector."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ccmm_agent.home import Home, opened_home
from ccmm_agent.join import join
from ccmm_agent.outbox import Draft
from ccmm_agent.source_state import SourceState
from ccmm_proto.join_code import format_join_code
from ccmm_proto.v1.statement_pb2 import OBSERVED, Run, Span
from tests.support.fake_collector import FakeCollector

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
def collector() -> Iterator[FakeCollector]:
    """A running fake."""
    fake = FakeCollector()
    fake.start()
    yield fake
    fake.stop()


@pytest.fixture
def joined(collector: FakeCollector, tmp_path: Path) -> Path:
    """A folder that has joined `collector`."""
    folder = tmp_path / "agent"
    join(format_join_code(collector.join_code()), folder, pseudonym_key=None, zone="Asia/Shanghai")
    return folder


@contextmanager
def home_of(folder: Path) -> Iterator[Home]:
    with opened_home(folder, alone=True) as home:
        yield home


def run_draft(number: int = 0, source: str = "pbx", padding: int = 0) -> Draft:
    """A small run; `padding` makes its detail longer."""
    run = Run(
        source=source,
        plugin="asterisk",
        run_id=f"run-{number}",
        part=1,
        parts=1,
        outcome=OBSERVED,
        detail="x" * padding,
        covers=Span(from_ms=number, to_ms=number + 1),
        pseudonym_key_id="",
    )
    return Draft(body=run)


def put(home: Home, count: int, begin: int = 0) -> None:
    """So many runs into the spool."""
    for number in range(begin, begin + count):
        home.spool.put([run_draft(number)], home.signer.seal, "pbx", lambda state: state)


def unchanged(state: SourceState) -> SourceState:
    return state
