from __future__ import annotations

import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from imsniff.cli.program import run

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch):
    """No config, database or variable of whoever runs the tests."""
    for name in [name for name in os.environ if name.startswith("IMSNIFF_")]:
        monkeypatch.delenv(name)
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.setenv("IMSNIFF_FINGERPRINT_KEY", "for tests only")
    monkeypatch.chdir(tmp_path)


class Ran:
    """What a call of the program left."""

    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    @property
    def lines(self):
        return self.out.splitlines()


@pytest.fixture
def imsniff(capfdbinary):
    """Runs the program in this process."""

    def call(*arguments):
        capfdbinary.readouterr()
        code = run([str(argument) for argument in arguments])
        out, err = capfdbinary.readouterr()
        return Ran(code, out.decode(), err.decode())

    return call


@pytest.fixture
def process():
    """Runs the program as people do."""

    def call(*arguments, stdin=b"", **how):
        done = subprocess.run(
            [sys.executable, "-m", "imsniff", *map(str, arguments)],
            input=stdin,
            stdout=how.pop("stdout", subprocess.PIPE),
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
            env={**os.environ, "PYTHONPATH": str(ROOT / "src"), **how.pop("env", {})},
            **how,
        )
        ran = Ran(done.returncode, (done.stdout or b"").decode(errors="replace"), done.stderr.decode())
        ran.raw = done.stdout
        return ran

    return call


def _tcp(source, target, sport, dport, seq, ack, flags, payload=b""):
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40 + len(payload), 0, 0, 64, 6, 0, bytes(source), bytes(target))
    tcp = struct.pack("!HHIIBBHHH", sport, dport, seq, ack, 0x50, flags, 8192, 0, 0)
    return b"\x02" * 12 + b"\x08\x00" + ip + tcp + payload


def _ymsg(service, *pairs):
    body = b"".join(str(key).encode() + b"\xc0\x80" + value + b"\xc0\x80" for key, value in pairs)
    return b"YMSG" + struct.pack("!HHHHII", 12, 0, len(body), service, 0, 7) + body


def conversation(sender=b"alice", recipient=b"bob", texts=(b"hello", b"lunch?"), port=5050):
    """Packets of a Yahoo conversation that this file makes up."""
    client, server = (10, 0, 0, 21), (198, 51, 100, 9)
    packets = [
        _tcp(client, server, 40000, port, 0, 0, 2),
        _tcp(server, client, port, 40000, 0, 1, 18),
        _tcp(client, server, 40000, port, 1, 1, 16),
    ]
    seq = 1
    for text in texts:
        data = _ymsg(6, (1, sender), (5, recipient), (14, text), (97, b"1"))
        packets.append(_tcp(client, server, 40000, port, seq, 1, 24, data))
        seq += len(data)
    packets.append(_tcp(client, server, 40000, port, seq, 1, 17))
    packets.append(_tcp(server, client, port, 40000, 1, seq + 1, 17))
    return packets


def pcap(packets, start=1_790_000_000):
    out = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    for number, packet in enumerate(packets):
        out += struct.pack("<IIII", start + number, 0, len(packet), len(packet)) + packet
    return out


@pytest.fixture
def capture(tmp_path):
    """A capture file with a conversation in it."""

    def make(name="lab.pcap", *, start=1_790_000_000, **how):
        file = tmp_path / name
        file.write_bytes(pcap(conversation(**how), start))
        return file

    return make
