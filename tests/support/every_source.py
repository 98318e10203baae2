"""One [[source]] of every installed type that the demo's center does not have, each with a system of its own to read.

`every_source(stack, folder, now)` starts the systems; `stack` ends them. Real servers where Debian has them, the
simulators of the plugins' own tests elsewhere.
"""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

from tests.support import every_access, every_crm, every_facility, every_record, every_telephony
from tests.support.every_base import Builder, Table

BUILDERS: Mapping[str, Builder] = {
    **every_access.BUILDERS,
    **every_crm.BUILDERS,
    **every_facility.BUILDERS,
    **every_record.BUILDERS,
    **every_telephony.BUILDERS,
}


def every_source(stack: ExitStack, folder: Path, now: datetime) -> Sequence[Table]:
    """As [[source]] tables of agent.toml, one a type."""
    tables = []
    for word, build in BUILDERS.items():
        place = folder / word
        place.mkdir(parents=True)
        tables.append({"name": f"every-{word}", "plugin": word, **build(stack, place, now)})
    return tables
