"""The `pilothouse` command for many commands in a row: each runs in a process forked from one that has imported all of
it. What a command does, prints and returns is what a process of its own would; only the imports are saved.
"""

import gc
import importlib
import json
import os
import pkgutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

# Hands its arguments, folder, environment and three files to the waiting process, and ends as the command did. A Python
# without its site packages starts in some 10 ms.
_COMMAND = """#!{python} -IS
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as door:
    door.connect({door!r})
    told = json.dumps([sys.argv, os.getcwd(), dict(os.environ)]).encode()
    socket.send_fds(door, [len(told).to_bytes(4, "big")], [0, 1, 2])
    door.sendall(told)
    ended = door.recv(1)
sys.exit(ended[0] if ended else 137)
"""


class Warm:
    """A folder with the command in it, and the process behind it."""

    def __init__(self, folder: Path) -> None:
        self.bin = folder / "bin"
        self.bin.mkdir(parents=True)
        door = os.path.relpath(folder / "door")  # the path of a socket must be short
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(door)
            listening.listen(64)
            command = [sys.executable, __file__, str(listening.fileno())]
            self._process = subprocess.Popen(command, pass_fds=[listening.fileno()])
        written = self.bin / "pilothouse"
        written.write_text(_COMMAND.format(python=sys.executable, door=str(folder / "door")))
        written.chmod(0o755)

    def close(self) -> None:
        """Stop waiting. Commands that run go on to their end."""
        self._process.terminate()
        self._process.wait()


def _serve(listening: socket.socket) -> int:
    """Answer until told to stop. Returns in each forked process, once the command in it has ended, with its code."""
    import pilothouse.cli
    from pilothouse.__main__ import main

    for module in pkgutil.walk_packages(pilothouse.cli.__path__, "pilothouse.cli."):
        importlib.import_module(module.name)
    for name in ("app", "faces", "web", "sdk", "jobs"):
        importlib.import_module(f"pilothouse.{name}")
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        door, _ = listening.accept()
        if os.fork():
            door.close()
            continue
        listening.close()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        _take(door)
        command = os.fork()
        if command:  # tells how it ended once it is over
            door.sendall(bytes([os.waitstatus_to_exitcode(os.waitpid(command, 0)[1]) & 255]))
            os._exit(0)
        door.close()
        main()
        return 0


def _take(door: socket.socket) -> None:
    """Become the process that the command was started as."""
    length, files, _, _ = socket.recv_fds(door, 4, 3)
    told = bytearray()
    while len(told) < int.from_bytes(length, "big"):
        told += door.recv(1 << 16)
    sys.argv, folder, environment = json.loads(told)
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w")  # noqa: SIM115 - three files
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)


if __name__ == "__main__":
    sys.exit(_serve(socket.socket(fileno=int(sys.argv[1]))))
