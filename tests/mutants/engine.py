"""mutmut with the mutations that say something here: `python engine.py run` in the folder that is mutated.

Left out, as the type checker or the first call refuses nearly all of them and the tests would prove little: arguments
replaced by `None`, positional arguments left out, fields of values left out. Left out, as they change no behaviour:
sentences for people, `strict=True` of `zip`. Left out, as one spoiled word is as good as three: words in capitals.
"""

from collections.abc import Iterable, Iterator
from typing import cast

import libcst as cst
from mutmut.__main__ import cli
from mutmut.mutation import mutators


def optional_arguments(node: cst.Call) -> Iterator[cst.Call]:
    """Calls of functions without one of the arguments given by name."""
    function = node.func.attr if isinstance(node.func, cst.Attribute) else node.func
    if not isinstance(function, cst.Name) or not function.value[:1].islower():
        return
    for place, argument in enumerate(node.args):
        if argument.keyword is not None and argument.keyword.value != "strict":
            yield node.with_changes(args=[*node.args[:place], *node.args[place + 1 :]])


def words(node: cst.BaseString) -> Iterable[cst.BaseString]:
    """A word that is spoiled; sentences stay."""
    if isinstance(node, cst.SimpleString) and " " not in node.value:
        yield from list(mutators.operator_string(node))[:1]


_OWN = {mutators.operator_arg_removal: optional_arguments, mutators.operator_string: words}


def main() -> None:
    # mutmut reads this very list; a setting for it does not exist.
    known = cast(list[object], mutators.mutation_operators)
    known[:] = [(kind, _OWN.get(found, found)) for kind, found in mutators.mutation_operators]
    cli()


if __name__ == "__main__":
    main()
