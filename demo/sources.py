"""The agent.toml of a simulated center: every source that its systems feed."""

import json
from collections.abc import Sequence
from pathlib import Path

from ccmm_proto.kinds import KINDS
from demo.book import FIGURES
from demo.calls import ZONE
from demo.directory import BASE, READER_DN

EVERY = "15m"
KEPT = {"encrypted": True, "key_local": False, "deletions_logged": True, "floor_days": 30, "ceiling_days": 900}
DOORS = {
    "enabled_words": ["启用"],
    "disabled_words": ["停用"],
    "controlled_doors": ["东门"],
    "columns": {
        "time": "刷卡时间",
        "badge": "卡号",
        "person": "工号",
        "door": "门",
        "zone": "区域",
        "direction": "方向",
        "result": "结果",
        "badge_class": "卡类",
    },
    "holder_columns": {
        "badge": "卡号",
        "person": "工号",
        "class": "卡类",
        "enabled": "状态",
        "disabled": "停用时间",
        "zones": "区域",
    },
    "words": {"进": "in", "出": "out", "正常开门": "open", "个人卡": "personal", "机房": "it_room", "座席区": "floor"},
}

Table = dict[str, object]


def agent_toml(place: Path, *, ldap_port: int, ami_port: int, encoding: str) -> str:
    """The whole configuration of the agent of the center whose systems leave their files in `place`."""
    secret, password = place / "ami.secret", place / "directory.password"
    sources: list[Table] = [
        {"name": "pbx", "plugin": "asterisk", "queue_log": place / "switch/queue_log"},
        {
            "name": "recordings",
            "plugin": "asterisk_recordings",
            "folder": place / "recordings",
            "name_pattern": "(?P<started>[^-]+)-(?P<queue>[^-]+)-(?P<agent>[^-]+)-(?P<call>.+)",
            "holding": KEPT,
        },
        {"name": "manager", "plugin": "asterisk_ami", "port": ami_port, "username": "ccmm", "secret_file": secret},
        {
            "name": "directory",
            "plugin": "ldap",
            "url": f"ldap://127.0.0.1:{ldap_port}",
            "bind_dn": READER_DN,
            "password_file": password,
            "base": BASE,
            "system": "ldap",
            "mfa": "mfaEnabled",
            "privileged_groups": ["admins"],
        },
        {"name": "documents", "plugin": "documents", "folder": place / "papers"},
        door_source(place / "doors", encoding),
        *table_sources(place / "tables"),
        *figure_sources(place / "tables"),
    ]
    return configuration(sources)


def configuration(sources: Sequence[Table]) -> str:
    """The text of agent.toml with these sources."""
    head = [f'zone = "{ZONE.key}"', 'jitter = "1s"', ""]
    return "\n".join([*head, *(line for source in sources for line in _source(source))])


def door_source(folder: Path, encoding: str) -> Table:
    """The badge export."""
    files = {"events": folder / "events.csv", "holders": folder / "holders.csv", "encoding": encoding}
    return {"name": "doors", "plugin": "door_log"} | files | DOORS


def table_sources(folder: Path) -> list[Table]:
    """Every exported table; its columns are named as the kind's attributes."""
    exported = sorted(path.stem for path in folder.glob("*.csv"))
    return [_table(folder, kind) for kind in exported if kind in KINDS]


def _table(folder: Path, kind: str) -> Table:
    path = folder / f"{kind}.csv"
    columns = _header(path)
    source: Table = {"name": kind, "plugin": "table", "path": path, "kind": kind, "key": "id"}
    source |= {name: name for name in ("started", "ended") if name in columns}
    return source | {"columns": {name: name for name in columns if name in KINDS[kind].attributes}}


def figure_sources(folder: Path) -> list[Table]:
    """Every exported table of figures, and the two counts of the survey: who answered, and who was content."""
    sources: list[Table] = [
        {
            "name": "survey",
            "plugin": "figures",
            "path": folder / "survey.csv",
            "started": "started",
            "columns": {"queue": "queue", "drawn": "drawn"},
            "measures": {"survey_answered": "*", "survey_favourable": "favourable"},
        }
    ]
    for name, figures in FIGURES.items():
        path = folder / f"figures-{name}.csv"
        if not path.is_file():
            continue
        dimensions = [column for column in _header(path) if column not in ("started", *figures.measures)]
        source: Table = {"name": f"figures-{name}", "plugin": "figures", "path": path, "started": "started"}
        source["columns"] = {dimension: dimension for dimension in dimensions}
        source["measures"] = {measure: measure for measure in figures.measures}
        sources.append(source)
    return sources


def _header(path: Path) -> list[str]:
    with path.open(encoding="utf-8") as file:
        return file.readline().strip().split(",")


def _source(source: Table) -> list[str]:
    plain = {key: value for key, value in source.items() if not isinstance(value, dict)}
    lines = ["[[source]]", f'every = "{EVERY}"', *(f"{key} = {_value(value)}" for key, value in plain.items())]
    for key, value in source.items():
        if isinstance(value, dict):
            lines.append(f"{key} = {_value(value)}")
    return [*lines, ""]


def _value(value: object) -> str:
    if isinstance(value, dict):
        return (
            "{ "
            + ", ".join(f"{json.dumps(key, ensure_ascii=False)} = {_value(item)}" for key, item in value.items())
            + " }"
        )
    if isinstance(value, list):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    return json.dumps(str(value) if isinstance(value, Path) else value, ensure_ascii=False)
