"""What a simulated center keeps in tables: everything that no plugin reads from a system itself.

rows       the shape of a row
staff      who works there and what they have learnt
trouble    what went wrong, what warned of it, and what was exercised
plans      registers, projects, reviews and actions
work       samples of the daily work, and tickets
site       the house, hosts and changes; organisation
safety     graded systems, endpoints, cameras, logs, exports, contracts, audits, visitors
office     definitions, processes, coaching, briefings, scorecards, reports, client papers
figures    measures by day
traffic    measures of queues, lines and the IVR, and plans
readings   sensors, clocks and probes

`TABLES` has the contributions to each kind, `FIGURES` the tables of figures by name.
"""

from demo.book import figures, office, plans, readings, safety, site, staff, traffic, trouble, work
from demo.book.rows import Figures, Rows

TABLES: dict[str, tuple[Rows, ...]] = {}
for _part in (staff, trouble, plans, work, site, safety, office):
    for _kind, _rows in _part.TABLES.items():
        TABLES[_kind] = (*TABLES.get(_kind, ()), *_rows)
FIGURES: dict[str, Figures] = {**figures.FIGURES, **traffic.FIGURES, **readings.FIGURES}
