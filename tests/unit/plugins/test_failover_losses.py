"""What a drill of `failover` lost: told by people, stated when they tell it, and mended for a month."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from ccmm_agent.plugin import Reason
from tests.support.failover_nodes import TEN, Nodes, minutes, nodes, told
from tests.support.refusals import refusal

__all__ = ["nodes"]


def switched(nodes: Nodes) -> bytes:
    """The cursor before a drill of half a minute that is over."""
    cursor = nodes.planned()
    nodes.says(TEN + minutes(5), "acd-a", "FAULT")
    nodes.says(TEN + minutes(5.5), "acd-b", "MASTER")
    nodes.says(TEN + minutes(60), "acd-a", "MASTER")
    return cursor


def test_what_was_lost_is_told_by_people_and_stated_when_they_tell_it(nodes: Nodes, tmp_path: Path) -> None:
    cursor, losses = switched(nodes), tmp_path / "losses.csv"
    losses.write_text("ref,lost_minutes\ndrill-4,\n")
    given = {"rpo": "1m", "losses": str(losses)}
    (first,), cursor, _, _ = nodes.read(cursor, TEN + minutes(75), **given)
    assert (told(first)["rpo_minutes"], "lost_minutes" in told(first)) == (1.0, False)
    assert nodes.read(cursor, TEN + minutes(90), **given)[0] == []
    losses.write_text("ref,lost_minutes\ndrill-4,0.5\nanother,9\n")
    (again,), cursor, _, covers = nodes.read(cursor, TEN + minutes(105), **given)
    assert told(again) == told(first) | {"lost_minutes": 0.5}
    assert covers == (TEN + minutes(65), TEN + minutes(95))
    assert nodes.read(cursor, TEN + minutes(120), **given)[0] == []
    losses.write_text("ref,lost_minutes\ndrill-4,2\n")  # found out better
    (mended,), cursor, _, _ = nodes.read(cursor, TEN + minutes(135), **given)
    assert told(mended)["lost_minutes"] == 2.0
    late, cursor, _, _ = nodes.read(cursor, TEN + timedelta(days=32), **given)
    assert late == []  # and now it stands
    losses.write_text("ref,lost_minutes\n")
    assert nodes.read(cursor, TEN + timedelta(days=33), **given)[0] == []


def test_what_is_known_at_once_is_stated_at_once(nodes: Nodes, tmp_path: Path) -> None:
    cursor, losses = switched(nodes), tmp_path / "losses.csv"
    losses.write_text("ref,lost_minutes\ndrill-4,0\n")
    (one,), _, _, _ = nodes.read(cursor, TEN + minutes(75), losses=str(losses))
    assert told(one)["lost_minutes"] == 0.0


def test_a_cursor_of_before_losses_were_told_is_gone_on_with(nodes: Nodes) -> None:
    cursor = switched(nodes)
    *held, aways = json.loads(cursor)
    assert aways == {}
    assert len(nodes.read(json.dumps(held).encode(), TEN + minutes(75))[0]) == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ref,lost_minutes\ndrill-4,-1\n", "minutes, 0 or more"),
        ("ref,lost_minutes\ndrill-4,nan\n", "minutes, 0 or more"),
        ("ref,lost_minutes\ndrill-4,some\n", "minutes, 0 or more"),
        ("ref,lost_minutes\n,3\n", "a ref, each once"),
        ("ref,lost_minutes\ndrill-4,3\ndrill-4,0\n", "a ref, each once"),
        ("ref\ndrill-4\n", "lost_minutes"),
    ],
)
def test_losses_that_cannot_be_read_are_loud(nodes: Nodes, tmp_path: Path, text: str, words: str) -> None:
    losses = tmp_path / "losses.csv"
    losses.write_text(text)
    with refusal(Reason.UNREADABLE, words):
        nodes.read(b"", TEN, losses=str(losses))
    losses.unlink()
    with refusal(Reason.NOT_FOUND, "is not there"):
        nodes.read(b"", TEN, losses=str(losses))
