"""A source that could not look says why in words, and never a secret: tests call theirs canary."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from ccmm_agent.plugin import Reason, Source, SourceUnavailable
from ccmm_agent.testing import read_all


@contextmanager
def refusal(reason: Reason, words: str) -> Iterator[None]:
    """Whatever is done within is refused for this reason in these words."""
    with pytest.raises(SourceUnavailable, match=words) as caught:
        yield
    assert caught.value.reason is reason
    assert "canary" not in caught.value.detail


def refusal_of(source: Source, now: datetime, zone: ZoneInfo) -> SourceUnavailable:
    """What a first read of it is refused with."""
    with pytest.raises(SourceUnavailable) as caught:
        read_all(source, now=now, zone=zone)
    assert "canary" not in caught.value.detail
    return caught.value
