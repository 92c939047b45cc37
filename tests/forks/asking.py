"""Run Python by a fork of the process that listens at SOCKET.

Standard library alone, and little of it: this is started for every program.
"""

import _socket
import os
import signal
import sys


def told():
    """A number that the process says, which has ended if it says none."""
    said = connection.recv(8)
    if not said:
        sys.exit("error: the process to fork has ended")
    return int.from_bytes(said, "big", signed=True)


words = sys.argv[1:]
if words[:1] == ["-u"]:
    words = words[1:]
if not words or (words[0].startswith("-") and words[0] != "-m"):
    os.execv(PYTHON, [PYTHON, *sys.argv[1:]])  # noqa: F821

connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
connection.connect(SOCKET)  # noqa: F821
asked = repr((sys.argv[0], words, os.getcwd(), dict(os.environ))).encode()
files = b"".join(number.to_bytes(4, sys.byteorder) for number in (0, 1, 2))
ancillary = [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, files)]
connection.sendmsg([len(asked).to_bytes(8, "big")], ancillary)
connection.sendall(asked)
child = told()
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(number, lambda number, frame: os.kill(child, number))
status = told()
if status < 0:
    if -status != signal.SIGKILL:
        signal.signal(-status, signal.SIG_DFL)
    os.kill(os.getpid(), -status)
os._exit(status)
