"""What a scan found as observations: how many and where, never a digit. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from ccmm_agent.facts import occurrence
from ccmm_agent.plugin import Observation
from ccmm_plugin_access_control.card_folder import Item
from ccmm_plugin_access_control.card_tally import NOTHING, Found

TICK = timedelta(milliseconds=1)
CODES, CARDS = "security_code", "card_number"  # classes of `sample`: what a whole scan found
OF_ITEM = {CODES: "security_code_item", CARDS: "card_number_item"}  # the same hits once more, where they stand


@dataclass(frozen=True, slots=True)
class Scan:
    """One pass over a place. `began` is where the time ends that it vouches for."""

    place: str
    began: datetime

    def result(self, found: Found) -> Iterator[Observation]:
        """How many are there now."""
        for class_, hits in ((CODES, found.codes), (CARDS, found.cards)):
            yield self._sample(class_, class_, self.place, None, hits)

    def items(self, items: Iterable[Item], stated: int) -> list[Observation]:
        """Where they were found, numbered from `stated` on."""
        told: list[Observation] = []
        for item in items:
            for class_, hits in ((CODES, item.found.codes), (CARDS, item.found.cards)):
                if hits:
                    number = stated + len(told)
                    subject = f"{self.place}: {item.position}"
                    told.append(self._sample(OF_ITEM[class_], str(number), subject, item.id or None, hits))
        return told

    def _sample(self, class_: str, name: str, subject: str, item: str | None, hits: int) -> Observation:
        id = f"{self.place}:{self.began:%Y%m%dT%H%M%S}:{name}"
        return occurrence("sample", id, self.began - TICK, None, class_=class_, subject=subject, call=item, hits=hits)


def detail_of(found: Found, files: int | None, left: int, strange: int = 0) -> str:
    """What is not counted, and why; it is signed with the run."""
    told = ["" if files is None else f"{files} files"]
    told += [f"{left} left out by leave_out" if left else ""]
    told += [f"{strange} links, pipes or devices are not looked at" if strange else ""]
    told += [f"{found.aside} numbers after a word for another number" if found.aside else ""]
    told += [f"{found.tests} published test numbers" if found.tests else ""]
    told += [f"{found.allowed} numbers of the allow list" if found.allowed else ""]
    return ", ".join(part for part in told if part)


def total(found: Iterable[Found]) -> Found:
    """All of them together."""
    return sum(found, NOTHING)
