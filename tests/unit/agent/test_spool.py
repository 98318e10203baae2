"""The spool on real SQLite files: commit points, bound, epochs, damage met while working."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from ccmm_agent import clock, spool_file, spool_open
from ccmm_agent import spool_sql as sql
from ccmm_agent.epoch_file import EpochFile
from ccmm_agent.home import Home
from ccmm_agent.outbox import Draft, Place, Sealed
from ccmm_agent.source_state import SourceState
from ccmm_agent.spool import Acknowledgement, Spool, Waiting
from ccmm_agent.spool_file import SpoolCorrupt, SpoolFull
from ccmm_proto.chain import ZERO
from ccmm_proto.v1.statement_pb2 import EpochStart, Note
from tests.support.fake_sources import statements
from tests.support.homes import collector, home_of, joined, put, run_draft, unchanged

__all__ = ["collector", "joined"]


def acknowledgement(waiting: Waiting) -> Acknowledgement:
    return Acknowledgement(epoch=waiting.epoch, sequence=waiting.sequence, digest=waiting.digest, receipt=b"receipt")


def test_statements_are_chained_from_zero(joined: Path) -> None:
    with home_of(joined) as home:
        put(home, 3)
        waiting = home.spool.waiting()
        assert [one.sequence for one in waiting] == [0, 1, 2]
        assert [one.previous for one in statements(home.spool)] == [ZERO, waiting[0].digest, waiting[1].digest]


def test_parts_cursor_and_due_time_are_one_transaction(joined: Path) -> None:
    with home_of(joined) as home:

        def fails_at_the_second(draft: Draft, place: Place) -> Sealed:
            if place.sequence == 1:
                raise RuntimeError("killed here")
            return home.signer.seal(draft, place)

        def moved(state: SourceState) -> SourceState:
            return replace(state, cursor=b"further", last_due_ms=5)

        with pytest.raises(RuntimeError):
            home.spool.put([run_draft(0), run_draft(1)], fails_at_the_second, "pbx", moved)
        assert home.spool.waiting() == []
        assert home.spool.source("pbx") is None
        assert home.spool.chain().next_sequence == 0
        home.spool.put([run_draft(0), run_draft(1)], home.signer.seal, "pbx", moved)
        state = home.spool.source("pbx")
        assert state is not None
        assert (state.cursor, state.last_due_ms) == (b"further", 5)


def test_only_the_named_statement_is_acknowledged(joined: Path) -> None:
    with home_of(joined) as home:
        put(home, 2)
        first, second = home.spool.waiting()
        wrong = replace(acknowledgement(first), digest=second.digest)
        assert home.spool.acknowledge([wrong], clock.now()) == 0
        assert home.spool.acknowledge([acknowledgement(first)], clock.now()) == 1
        assert [one.sequence for one in home.spool.waiting()] == [1]


def test_acknowledged_statements_are_kept_for_their_time(joined: Path) -> None:
    with home_of(joined) as home:
        put(home, 2)
        home.spool.acknowledge([acknowledgement(home.spool.waiting()[0])], clock.now())
        home.spool.prune(timedelta(days=30), clock.now())
        assert home.spool.digest_at(0, 0) is not None
        home.spool.prune(timedelta(days=30), clock.now() + timedelta(days=31))
        assert home.spool.digest_at(0, 0) is None
        assert home.spool.digest_at(0, 1) is not None


def small(home: Home, limit_bytes: int) -> Spool:
    return Spool(home.spool._connection, limit_bytes=limit_bytes)


def test_unsent_statements_push_acknowledged_ones_out_of_the_bound(joined: Path) -> None:
    with home_of(joined) as home:
        spool = small(home, 400_000)
        for number in range(40):
            spool.put([run_draft(number, padding=5000)], home.signer.seal, "pbx", unchanged)
            if number < 20:
                spool.acknowledge([acknowledgement(spool.waiting()[-1])], clock.now())
        spool.put([run_draft(number, padding=5000) for number in range(30)], home.signer.seal, "pbx", unchanged)
        assert spool.used_bytes() <= 410_000
        assert spool.digest_at(0, 0) is None
        assert len(spool.waiting(limit=100)) == 50


def test_a_bounded_run_that_does_not_fit_leaves_nothing_behind(joined: Path) -> None:
    with home_of(joined) as home:
        spool = small(home, 200_000)
        drafts = [run_draft(number, padding=5000) for number in range(60)]
        with pytest.raises(SpoolFull):
            spool.put(drafts, home.signer.seal, "pbx", unchanged, bounded=True)
        assert spool.waiting() == []
        assert spool.source("pbx") is None


def test_a_change_sees_the_state_inside_the_transaction(joined: Path) -> None:
    with home_of(joined) as home:
        home.spool.put([run_draft()], home.signer.seal, "pbx", lambda state: replace(state, cursor=b"new"))
        home.spool.hold("pbx", lambda state: replace(state, held_count=state.held_count + 1))
        state = home.spool.source("pbx")
        assert state is not None
        assert (state.cursor, state.held_count) == (b"new", 1)


def test_refusals_are_kept_up_to_a_hundred(joined: Path) -> None:
    with home_of(joined) as home:
        for number in range(120):
            home.spool.put_refusal(b"", "oversize", str(number))
        kept = home.spool.query(sql.REFUSALS, 1000)
        assert len(kept) == 100
        assert kept[0][2] == "119"


def test_damage_met_while_working_has_its_own_name(joined: Path) -> None:
    with home_of(joined) as home:
        put(home, 200)
        home.spool.query("PRAGMA wal_checkpoint(TRUNCATE)")
        path = joined / spool_file.FILE
        with path.open("r+b") as file:
            file.seek(4096)
            file.write(b"\xff" * (path.stat().st_size - 4096))
        home.spool._connection.execute("PRAGMA cache_size = 0")
        with pytest.raises(SpoolCorrupt):
            put(home, 1)


def test_what_had_a_receipt_stays_in_its_epoch(joined: Path) -> None:
    with home_of(joined) as home:
        put(home, 2)
        home.spool.acknowledge([acknowledgement(home.spool.waiting()[0])], clock.now())
        home.spool.send_again(0, 0, Draft(body=Note(kind=Note.HEAD_BEHIND_RECEIPT)), home.signer.seal)
        start = EpochStart(reason=EpochStart.COLLECTOR_AHEAD)
        spool_open.new_epoch(home.spool, EpochFile(joined), 1, start, home.signer.seal)
        places = [(one.epoch, one.sequence) for one in home.spool.waiting()]
        assert places == [(0, 0), (1, 0), (1, 1)]
