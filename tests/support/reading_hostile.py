"""Reads the hostile plugin as the agent would, with short limits."""

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from ccmm_agent.reading import Limits, Reading, SourceSpec, read_source

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
ZONE = ZoneInfo("Asia/Shanghai")


def hostile(do: str, protected: tuple[Path, ...] = (), **options: str | int | list[str] | Path) -> SourceSpec:
    """The source whose one option says what it does."""
    table = {"do": do, **{key: str(value) if isinstance(value, Path) else value for key, value in options.items()}}
    return SourceSpec(
        name="test",
        plugin="hostile",
        options=table,
        module="tests.support.hostile.plugin",
        path=ROOT,
        protected=protected,
    )


def read(spec: SourceSpec, *, seconds: float = 20, output_bytes: int = 8 << 20, cursor: bytes = b"") -> Reading:
    """One reading with limits that keep tests short."""
    return read_source(
        spec, cursor=cursor, now=NOW, zone=ZONE, limits=Limits(seconds=seconds, output_bytes=output_bytes)
    )
