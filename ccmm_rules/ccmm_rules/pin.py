"""Write the digests of used packs anew: `python -m ccmm_rules.pin [FOLDER ...]`, the built-in packs without a folder.

Run it after a used pack has changed and the change was looked at: a pin says that these rules are the ones meant.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from ccmm_rules.errors import PackErrors
from ccmm_rules.load import BUILT_IN, folder_digest, load_pack
from ccmm_rules.pack_head import uses_of
from ccmm_rules.strict_yaml import parse_document


def pinned(folder: Path) -> str:
    """`pack.yaml` of the folder with the digests that its used packs have now. Raises PackErrors."""
    text = (folder / "pack.yaml").read_text(encoding="utf-8")
    root = parse_document(text, "pack.yaml")
    lines = text.split("\n")
    for number, use in enumerate(uses_of(root)):
        digest = root.child("uses").sequence()[number].child("digest")
        line = lines[digest.line - 1]
        before, after = line[: digest.column - 1], line[digest.column - 1 :]
        lines[digest.line - 1] = before + after.replace(use.digest, folder_digest(_found(folder.parent, use.pack)), 1)
    return "\n".join(lines)


def _found(parent: Path, name: str) -> Path:
    beside = parent / name
    return beside if (beside / "pack.yaml").is_file() else BUILT_IN / name


def main(folders: Sequence[Path]) -> int:
    """Pins each folder; prints what changed and what does not load."""
    failed = 0
    for folder in folders:
        try:
            text = pinned(folder)
            if text != (folder / "pack.yaml").read_text(encoding="utf-8"):
                (folder / "pack.yaml").write_text(text, encoding="utf-8")
                print(f"{folder.name}: pinned")
            load_pack(folder)
        except PackErrors as error:
            failed += 1
            print(f"{folder.name} does not load:\n{error}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    named = [Path(word) for word in sys.argv[1:]]
    sys.exit(main(named or sorted(path.parent for path in BUILT_IN.glob("*/pack.yaml"))))
