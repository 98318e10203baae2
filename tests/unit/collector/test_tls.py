"""The server's certificate changes while the ports stay open."""

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ccmm_collector.authority import Authority
from ccmm_collector.config import Config
from ccmm_collector.tls import ServerTls


class Clock:
    """An instant, as told."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def authority(folder: Path, config: Config) -> Authority:
    return Authority.load(folder, config)


def test_the_certificate_changes_at_half_its_life_without_a_restart(authority: Authority) -> None:
    clock = Clock()
    tls = ServerTls(authority, clock)
    first = tls.current()
    clock.now += timedelta(days=150)
    assert tls.current() == first
    clock.now += timedelta(days=100)
    assert tls.current() != first


def test_a_handshake_brings_a_certificate_only_where_it_changed(authority: Authority) -> None:
    clock = Clock()
    tls = ServerTls(authority, clock)
    newer = tls.changes()
    assert newer() is None
    clock.now += timedelta(days=250)
    assert newer() == tls.current()
    assert newer() is None


def test_join_codes_name_the_certificate_that_is_shown(authority: Authority, folder: Path, config: Config) -> None:
    clock = Clock()
    tls = ServerTls(authority, clock)
    before = Authority.load(folder, config).server_sha256()
    clock.now += timedelta(days=250)
    tls.current()
    assert Authority.load(folder, config).server_sha256() != before


def test_an_issuing_key_that_runs_out_is_told_in_time_and_what_is_at_hand_is_still_shown(
    authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    with caplog.at_level(logging.WARNING):
        tls = ServerTls(authority, clock)
        assert "renew-ca" not in caplog.text
        clock.now += timedelta(days=3 * 365 - 80)
        tls.current()
        assert "renew-ca" in caplog.text
        shown = tls.current()
        clock.now += timedelta(days=100)
        assert tls.current() == shown
    assert "server certificate not renewed" in caplog.text
