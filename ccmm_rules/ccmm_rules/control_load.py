"""`controls.yaml`: what a standard asks, and which rules show it.

groups:
  power: {en: Power, zh: 供电}
controls:
  - {id: R-PWR-01, group: power, title: {en: UPS, zh: 不间断电源}, rules: [D-EMG-15, {rule: D-EMG-17, level: 3}]}
  - {id: ITEMS, title: {en: Items, zh: 条目}, unpublished: true, items: 38}
"""

from collections.abc import Mapping

from ccmm_rules.errors import PackError, PackErrors, one_of
from ccmm_rules.model import LEVELS, Rule
from ccmm_rules.parsing import Collected, flag_of
from ccmm_rules.standard import Asked, Control, LevelNumbers, Scoring
from ccmm_rules.strict_yaml import Node
from ccmm_rules.vocabulary.tables import Titles, titles_of

CONTROLS = "controls.yaml"
_KEYS = frozenset(("id", "title", "group", "rules", "unpublished", "untested", "items", "weight", "binding"))


def load_controls(
    root: Node, rules: Mapping[str, Rule], broken: frozenset[str] = frozenset()
) -> tuple[Mapping[str, Titles], tuple[Control, ...]]:
    """Groups and controls, naming `rules` of the pack and of those it uses. Raises PackErrors.

    `broken` are rules whose files do not load: naming them is no further error.
    """
    collected = Collected()
    collected.errors += root.only(frozenset(("groups", "controls")))
    groups_node = root.get("groups")
    groups = collected.attempt(_groups, groups_node) or {} if groups_node is not None else {}
    controls: dict[str, Control] = {}
    for node in root.child("controls").sequence():
        with collected.trying():
            control = _control(node, groups, rules, broken)
            if control.id in controls:
                node.child("id").fail(f"'{control.id}' stands here twice", "ids are unique")
            controls[control.id] = control
    collected.raise_any()
    return groups, tuple(controls.values())


def check_controls(
    root: Node,
    document: Node | None,
    own: Mapping[str, Rule],
    controls: tuple[Control, ...],
    scoring: Scoring,
    *,
    claims: bool,
) -> list[PackError]:
    """What shows only when controls, own rules and the scoring are seen together. `root` is `pack.yaml`."""
    if document is None:
        model = root.child("scoring").child("model")
        needless = isinstance(scoring, LevelNumbers)
        return [] if needless else [model.error(f"{scoring.model} counts controls", f"write {CONTROLS}")]
    named = {asked.rule for control in controls for asked in control.asks}
    errors = [
        document.child("controls").error(f"no control names {name}", "name it under 'rules', or leave the rule out")
        for name in own
        if name not in named
    ]
    total = getattr(scoring, "items_total", 0)
    listed = sum(control.items for control in controls if control.binding)
    if total and listed != total:
        mend = "list what is not public as unpublished: true"
        errors.append(root.child("scoring").child("items_total").error(f"{listed} items are listed", mend))
    open_ones = [control.id for control in controls if control.about != "tested"]
    if claims and open_ones:
        claim = root.child("claims_certificate")
        errors.append(claim.error(f"{open_ones[0]} cannot be shown, so nothing is certified", "leave it out"))
    return errors


def _groups(node: Node) -> Mapping[str, Titles]:
    return {name: titles_of(child) for name, child in node.mapping().items()}


def _control(node: Node, groups: Mapping[str, Titles], rules: Mapping[str, Rule], broken: frozenset[str]) -> Control:
    errors = node.only(_KEYS)
    if errors:
        raise PackErrors(errors)
    group, about = node.get("group"), _about(node)
    if group is not None and group.text() not in groups:
        group.fail(f"'{group.text()}' is no group", one_of(group.text(), groups))
    binding = node.get("binding")
    return Control(
        id=node.child("id").text(),
        titles=titles_of(node.child("title")),
        group=group.text() if group is not None else "",
        about=about,
        asks=_asks(node.child("rules"), rules, broken) if about == "tested" else (),
        items=_items(node, about),
        weight=_weight(node),
        binding=binding.flag() if binding is not None else True,
    )


def _about(node: Node) -> str:
    said = [word for word in ("unpublished", "untested") if flag_of(node, word)]
    said += ["tested"] if "rules" in node.mapping() else []
    if len(said) != 1:
        node.fail("say one of: rules, unpublished, untested", "name the rules, or write unpublished: true")
    return said[0]


def _asks(node: Node, rules: Mapping[str, Rule], broken: frozenset[str]) -> tuple[Asked, ...]:
    if not node.sequence():
        node.fail("no rule is named", "write untested: true where none of our rules speaks to it")
    asks = tuple(_asked(child, rules, broken) for child in node.sequence())
    if len({asked.rule for asked in asks}) != len(asks):
        node.fail("a rule stands here twice", "keep one")
    return asks


def _asked(node: Node, rules: Mapping[str, Rule], broken: frozenset[str]) -> Asked:
    rich = isinstance(node.value, Mapping)
    if rich and (errors := node.only(frozenset(("rule", "level")))):
        raise PackErrors(errors)
    name, level = (node.child("rule"), node.get("level")) if rich else (node, None)
    if name.text() in broken:
        return Asked(rule=name.text(), level=1)
    if name.text() not in rules:
        name.fail(
            f"'{name.text()}' is no rule of this pack or of those it uses", "name a rule, or add its pack to uses"
        )
    rule = rules[name.text()]
    if level is not None and level.whole() not in rule.levels:
        level.fail(f"{rule.id} is judged from L{rule.level} to L{LEVELS[-1]}", f"write level: {rule.level}")
    return Asked(rule=rule.id, level=level.whole() if level is not None else rule.level)


def _items(node: Node, about: str) -> int:
    items = node.get("items")
    if items is None:
        return 1
    if items.whole() < 0 or (items.whole() > 1 and about == "tested"):
        items.fail("a control with rules is one item, or 0 for a view that counts for nothing", "leave it out")
    return items.whole()


def _weight(node: Node) -> float:
    weight = node.get("weight")
    if weight is None:
        return 1.0
    if weight.number() <= 0.0:
        weight.fail("a weight is greater than 0", "write 1.0")
    return weight.number()
