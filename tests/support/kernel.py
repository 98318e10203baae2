"""What the tests of isolation need of this machine's kernel."""

import os

import pytest

from ccmm_agent import landlock

needs_landlock = pytest.mark.skipif(landlock.abi() == 0, reason="this kernel has no Landlock")
needs_ports = pytest.mark.skipif(landlock.abi() < 4, reason="this kernel's Landlock knows no ports (ABI below 4)")
needs_filter = pytest.mark.skipif(
    os.uname().machine not in ("x86_64", "aarch64"), reason="system calls are not filtered on this processor"
)
