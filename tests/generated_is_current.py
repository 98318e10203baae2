"""`make check`: the checked-in generated code equals what the .proto files give. Exits 1 with the file that differs."""

import subprocess
import sys
import tempfile
from pathlib import Path

PROTO = Path(__file__).parent.parent / "proto"
BIN = Path(sys.executable).parent


def generate(into: Path) -> None:
    """Run protoc as `make proto` does, into another folder."""
    sources = sorted(str(path.relative_to(PROTO)) for path in PROTO.glob("ccmm_proto/v1/*.proto"))
    plugins = [f"--plugin=protoc-gen-{name}={BIN / f'protoc-gen-{name}'}" for name in ("mypy", "mypy_grpc")]
    outputs = [f"--{name}_out={into}" for name in ("python", "grpc_python", "mypy", "mypy_grpc")]
    command = [sys.executable, "-m", "grpc_tools.protoc", "-I", ".", *plugins, *outputs, *sources]
    subprocess.run(command, cwd=PROTO, check=True, capture_output=True)


def main() -> int:
    """0 if every generated file is current."""
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder))
        stale = [
            path.name
            for path in sorted(Path(folder).rglob("*_pb2*"))
            if path.read_bytes() != (PROTO / path.relative_to(folder)).read_bytes()
        ]
    if stale:
        print(f"generated code is out of date, run `make proto`: {', '.join(stale)}", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
