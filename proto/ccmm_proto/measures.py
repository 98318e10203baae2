"""The shape of figures: every measure that may travel, its period, and what may stand beside it.

>>> MEASURES["login_time"].period_s, MEASURES["login_time"].dimensions["agent"]
(86400, <Sort.PERSON: 'person'>)
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from ccmm_proto.kinds import Sort


class Shape(StrEnum):
    """Which value a measure carries."""

    COUNT = "count"
    SUM = "sum"
    HISTOGRAM = "histogram"
    GAUGE = "gauge"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A counted or timed quantity. `period_s` is 900 (queue x quarter hour) or 86400 (staff x day)."""

    id: str
    shape: Shape
    period_s: int
    dimensions: Mapping[str, Sort | None]  # every dimension that may stand beside it, with the sort where pseudonymous
    unit: str = ""  # of the sum, the histogram or the gauge


_QUEUE: Mapping[str, Sort | None] = MappingProxyType({"queue": None, "channel": None})
_STAFF: Mapping[str, Sort | None] = MappingProxyType({"agent": Sort.PERSON, "reason": None})
_SURVEY: Mapping[str, Sort | None] = MappingProxyType({"channel": None, "queue": None, "client": None, "drawn": None})


def _quarter(id: str, shape: Shape, unit: str = "") -> Measure:
    return Measure(id=id, shape=shape, period_s=900, dimensions=_QUEUE, unit=unit)


def _staff_day(id: str, shape: Shape, unit: str = "") -> Measure:
    return Measure(id=id, shape=shape, period_s=86400, dimensions=_STAFF, unit=unit)


MEASURES: Mapping[str, Measure] = MappingProxyType(
    {
        measure.id: measure
        for measure in (
            _quarter("calls_offered", Shape.COUNT),  # entered the queue
            _quarter("calls_answered", Shape.COUNT),
            _quarter("calls_abandoned", Shape.COUNT),  # the caller hung up in the queue
            _quarter("calls_left", Shape.COUNT),  # left the queue otherwise: timeout, key, empty, full
            _quarter("wait_answered", Shape.HISTOGRAM, "s"),
            _quarter("wait_abandoned", Shape.HISTOGRAM, "s"),
            _quarter("talk_time", Shape.SUM, "s"),
            _quarter("hold_time", Shape.SUM, "s"),
            _quarter("after_call_time", Shape.SUM, "s"),
            _quarter("calls_transferred", Shape.COUNT),
            _quarter("agent_releases", Shape.COUNT),  # ended first by the agent
            _quarter("short_calls", Shape.COUNT),  # answered, talk under 10 s
            _quarter("ring_no_answer", Shape.COUNT),
            _staff_day("login_time", Shape.SUM, "s"),
            _staff_day("pause_time", Shape.SUM, "s"),
            Measure(id="survey_asked", shape=Shape.COUNT, period_s=900, dimensions=_SURVEY),
            Measure(id="survey_answered", shape=Shape.COUNT, period_s=900, dimensions=_SURVEY),
            Measure(id="survey_favourable", shape=Shape.COUNT, period_s=900, dimensions=_SURVEY),
            Measure(
                id="forecast_contacts",
                shape=Shape.COUNT,
                period_s=900,
                dimensions=MappingProxyType({"queue": None, "channel": None}),
            ),
            Measure(
                id="reading",
                shape=Shape.GAUGE,
                period_s=900,
                dimensions=MappingProxyType({"sensor": None, "place": None, "quantity": None}),
            ),
        )
    }
)
