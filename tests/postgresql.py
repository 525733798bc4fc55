"""A PostgreSQL server that lives as long as a test wants it."""

import os
import shutil
import socket
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def server():
    """Its URL, by a local socket, and its port at 127.0.0.1; skips where there is none to start."""
    programs = shutil.which("initdb") or max(Path("/usr/lib/postgresql").glob("*/bin/initdb"), default=None)
    if programs is None:
        pytest.skip("PostgreSQL is not installed, nor does IMSNIFF_TEST_POSTGRESQL name a scratch database")
    with tempfile.TemporaryDirectory(prefix="imsniff-pg-") as folder:  # a socket's path must be short
        owner = {}
        if os.geteuid() == 0:  # which the server refuses to be
            owner = {"user": "postgres", "group": "postgres", "extra_groups": ()}
            shutil.chown(folder, "postgres", "postgres")

        def run(program, *options):
            command = [Path(programs).with_name(program), "-D", f"{folder}/data", *options]
            done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, **owner)
            assert done.returncode == 0, done.stdout + done.stderr

        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        run("initdb", "-A", "trust", "-U", "imsniff", "--no-sync")
        listen = f"-F -k {folder} -p {port} -c listen_addresses=127.0.0.1"
        run("pg_ctl", "-w", "-l", f"{folder}/log", "-o", listen, "start")
        try:
            yield f"postgresql://imsniff@/postgres?host={folder}&port={port}", port
        finally:
            run("pg_ctl", "-m", "immediate", "stop")
