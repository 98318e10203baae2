"""What the agent reads: one PlannedSource per [[source]] of agent.toml, and the built-in `attestations`.

Both are read the same way: a cursor and an instant in, a Reading out.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from ccmm_agent import attest
from ccmm_agent.config import ATTESTATIONS, FILE, Config, QuietHours, SourceConfig
from ccmm_agent.pace import Pace
from ccmm_agent.plugin import SourceUnavailable
from ccmm_agent.reading import Limits, Reading, SourceSpec, describe_source, read_source
from ccmm_agent.schedule import Schedule
from ccmm_agent.veto import Veto
from ccmm_proto.errors import BadConfig

DEFAULT_VALUE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedSource:
    """A source with its schedule. `read` never raises for what the source does."""

    name: str
    plugin: str
    schedule: Schedule
    quiet: QuietHours | None
    pace: Pace
    backfill: timedelta | None
    veto: Veto
    read: Callable[[bytes, datetime], Reading]  # (cursor, now)
    describe: Callable[[], tuple[tuple[str, ...], int]]  # ids it feeds, value 0..100

    @property
    def feeds(self) -> tuple[str, ...]:
        """Ids of the measures and kinds it feeds; none where the source cannot even be described."""
        return self.describe()[0]

    @property
    def value(self) -> int:
        """0..100: sources of low value stop first."""
        return self.describe()[1]


def planned_sources(folder: Path, config: Config) -> list[PlannedSource]:
    """Every source of the configuration and the attestations. Raises BadConfig for a schedule that cannot be read."""
    return [
        *(_planned(folder, config, source) for source in config.sources),
        attestations(folder, config.zone, config.veto),
    ]


def attestations(folder: Path, zone: ZoneInfo, veto: Veto) -> PlannedSource:
    """The built-in source."""
    return PlannedSource(
        name=ATTESTATIONS,
        plugin=ATTESTATIONS,
        schedule=Schedule.parse(every=attest.EVERY, zone=zone),
        quiet=None,
        pace=Pace(),
        backfill=None,
        veto=veto,
        read=lambda cursor, now: attest.read_attestations(folder, cursor=cursor, now=now),
        describe=lambda: (attest.FEEDS, attest.VALUE),
    )


def spec_of(folder: Path, config: Config, source: SourceConfig) -> SourceSpec:
    """What the reader process is told of a source; the agent's own folder is never in its reach."""
    return SourceSpec(
        name=source.name,
        plugin=source.plugin,
        options=source.options,
        account=config.reader_account,
        protected=(folder.resolve(),),
    )


def limits_of(source: SourceConfig) -> Limits:
    """The reader's limits with the source's own time and memory."""
    return Limits(seconds=int(source.timeout.total_seconds()), memory_bytes=source.memory_bytes)


def schedule_of(folder: Path, config: Config, source: SourceConfig) -> Schedule:
    """Raises BadConfig naming file, source and key."""
    try:
        return Schedule.parse(every=source.every, cron=source.cron, zone=config.zone)
    except ValueError as error:
        key = "every" if source.every else "cron"
        raise BadConfig(f"{folder / FILE}: source {source.name}: {key}: {error}") from error


def _planned(folder: Path, config: Config, source: SourceConfig) -> PlannedSource:
    spec, limits = spec_of(folder, config, source), limits_of(source)

    def read(cursor: bytes, now: datetime) -> Reading:
        return read_source(spec, cursor=cursor, now=now, zone=config.zone, limits=limits)

    def describe() -> tuple[tuple[str, ...], int]:
        try:
            description = describe_source(spec)
        except SourceUnavailable:
            return (), DEFAULT_VALUE
        return description.feeds, description.value

    return PlannedSource(
        name=source.name,
        plugin=source.plugin,
        schedule=schedule_of(folder, config, source),
        quiet=source.quiet,
        pace=source.pace,
        backfill=source.backfill,
        veto=config.veto,
        read=read,
        describe=describe,
    )
