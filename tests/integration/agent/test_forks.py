"""Processes for another account beside a gRPC channel that is at work."""

import os
import subprocess
import sys

import pytest

PROGRAM = """
import os, subprocess
from ccmm_agent.main import keep_grpc_out_of_forks
keep_grpc_out_of_forks()
import grpc
from concurrent.futures import ThreadPoolExecutor
server = grpc.server(ThreadPoolExecutor(2))
port = server.add_insecure_port("127.0.0.1:0")
server.start()
grpc.channel_ready_future(grpc.insecure_channel(f"127.0.0.1:{port}")).result(10)
ended = [subprocess.run(["true"], user=65534).returncode for _ in range(400)]
print(sum(code != 0 for code in ended), flush=True)
os._exit(0)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may start processes for another account")
def test_no_process_for_another_account_dies_of_grpcs_threads() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout == "0\n", done.stderr
