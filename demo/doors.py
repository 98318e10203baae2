"""What the simulated door controller exports: badge events and holders, in local whole minutes without a zone."""

import csv
import io
import random
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

from demo.calls import ZONE, days, team_of
from demo.characters import Character
from demo.people import ADMINISTRATORS, LEAVERS, MANAGERS, drills_of, holders_of
from demo.switch import shift

EVENT_COLUMNS = ("刷卡时间", "卡号", "工号", "门", "区域", "方向", "结果", "卡类")
HOLDER_COLUMNS = ("卡号", "工号", "卡类", "状态", "停用时间", "区域")
Row = tuple[str, ...]


def write_doors(folder: Path, character: Character, now: datetime) -> None:
    """`events.csv` and `holders.csv` in the center's encoding, with CRLF and blanks before header names."""
    events = sorted(_events(character, now))
    _write(folder / "events.csv", EVENT_COLUMNS, events, character.encoding)
    _write(folder / "holders.csv", HOLDER_COLUMNS, list(_holders(character, now)), character.encoding)


def _write(path: Path, columns: Row, rows: list[Row], encoding: str) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([f" {column}" for column in columns])
    writer.writerows(rows)
    path.write_bytes(text.getvalue().encode(encoding))


def _event(at: datetime, person: str, direction: str) -> Row:
    stamp = at.astimezone(ZONE).strftime("%Y-%m-%d %H:%M")
    return (stamp, f"B{person[1:]}{person[0]}", person, "东门", "座席区", direction, "正常开门", "个人卡")


def _events(character: Character, now: datetime) -> Iterator[Row]:
    chance = random.Random(character.seed)
    today = now.astimezone(ZONE).date()
    drills = {drill.date(): drill for drill in drills_of(character, now)}
    for day in days(character, now):
        for person in team_of(character, day, today):
            start, end = shift(person, day)
            if chance.random() < character.badged:  # the others walk in behind a colleague
                yield from _until(now, _event(start - timedelta(minutes=6), person, "进"), start)
                yield from _until(now, _event(end + timedelta(minutes=4), person, "出"), end)
            if day in drills:
                yield from _until(now, _event(drills[day] + timedelta(minutes=3), person, "出"), drills[day])
        for person in MANAGERS[:4]:
            opened = datetime(day.year, day.month, day.day, 8, 30, tzinfo=ZONE)
            yield from _until(now, _event(opened, person, "进"), opened)
    if not character.leavers_closed:
        late = datetime.combine(date.fromordinal(today.toordinal() - 2), datetime.min.time(), ZONE)
        yield _event(late + timedelta(hours=22), LEAVERS[0], "进")


def _until(now: datetime, event: Row, at: datetime) -> Iterator[Row]:
    if at < now - timedelta(minutes=10):
        yield event


def _holders(character: Character, now: datetime) -> Iterator[Row]:
    for person, left in holders_of(character, now):
        disabled = left is not None and character.leavers_closed
        stamp = (left + timedelta(hours=1)).astimezone(ZONE).strftime("%Y-%m-%d %H:%M") if left and disabled else ""
        zones = "座席区;机房" if person in ADMINISTRATORS else "座席区"
        yield (f"B{person[1:]}{person[0]}", person, "个人卡", "停用" if disabled else "启用", stamp, zones)
