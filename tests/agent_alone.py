"""`make check`: the agent installs and imports in an environment of its own, with its own dependencies and no others.

The environment holds what agent/pyproject.toml names, at the versions of requirements.lock, and nothing else.
"""

import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).parent.parent
DIRECT = ("grpcio", "protobuf", "cryptography", "pluggy", "apscheduler", "typer")
BROUGHT_BY_THEM = (
    *("annotated-doc", "cffi", "click", "colorama", "markdown-it-py", "mdurl", "pycparser", "pygments", "rich"),
    *("shellingham", "typing-extensions", "tzdata", "tzlocal"),
    *("annotated-types", "pydantic", "pydantic-core", "typing-inspection"),
)
OURS = ("ccmm-agent", "ccmm-proto")
TOOLS = ("pip", "setuptools", "hatchling", "editables", "packaging", "pathspec", "tomlkit", "trove-classifiers")
IMPORTS = "import ccmm_agent.main, ccmm_agent.app, ccmm_agent.run, ccmm_agent.reader"
RUN_IMPORTS_NO_RICH = "import sys, ccmm_agent.run; sys.exit('rich' in sys.modules)"


def locked(names: tuple[str, ...]) -> str:
    """The entries of requirements.lock for these packages, hashes included."""
    entries = (ROOT / "requirements.lock").read_text().replace("\\\n", " ").splitlines()
    return "\n".join(entry for entry in entries if entry.split("==")[0].strip().lower() in names)


def pip(python: Path, *arguments: str) -> str:
    """Run pip of the environment; its output."""
    command = [str(python), "-m", "pip", "--disable-pip-version-check", "--quiet", *arguments]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT)
    if done.returncode:
        sys.exit(f"the agent does not stand alone: pip {arguments[0]}: {done.stderr}")
    return done.stdout


def main() -> int:
    """0 if the agent stands alone."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = Path(folder) / "bin" / "python"
        wanted = Path(folder) / "wanted.lock"
        wanted.write_text(locked(DIRECT + BROUGHT_BY_THEM + TOOLS))
        pip(python, "install", "--require-hashes", "-r", str(wanted))
        pip(python, "install", "--no-deps", "--no-build-isolation", "./proto", "./agent")
        pip(python, "check")
        there = {line.split("==")[0].lower() for line in pip(python, "list", "--format=freeze").split()}
        stray = there - {*DIRECT, *BROUGHT_BY_THEM, *OURS, *TOOLS}
        if stray:
            print(f"the agent brings packages that are not on its list: {', '.join(sorted(stray))}", file=sys.stderr)
            return 1
        for code in (IMPORTS, RUN_IMPORTS_NO_RICH):
            subprocess.run([str(python), "-I", "-c", code], check=True, cwd=folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
