"""Listen at a socket and run a fork for each that asks, see `forks`.

A fork whose caller is gone is ended: callers are killed as programs are.
"""

import ast
import atexit
import contextlib
import gc
import importlib.util
import os
import runpy
import selectors
import signal
import socket
import sys
import threading
import traceback


def whole(connection, size):
    """So many bytes of a stream; none if it ends before."""
    found = b""
    while len(found) < size:
        piece = connection.recv(size - len(found))
        if not piece:
            return b""
        found += piece
    return found


def become(asked, files):
    """Take the place of the caller, as far as a process can."""
    program, words, folder, environment = ast.literal_eval(asked.decode())
    for place, number in enumerate(files):
        os.dup2(number, place)
        os.close(number)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.executable = program
    path = environment.get("PYTHONPATH", "")
    first = folder if words[0] == "-m" else os.path.dirname(os.path.abspath(words[0]))
    sys.path[:0] = [first, *filter(None, path.split(os.pathsep))]
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)
    if "torch" in sys.modules and environment.get("OMP_NUM_THREADS", "").isdecimal():
        sys.modules["torch"].set_num_threads(int(environment["OMP_NUM_THREADS"]))
    return words


def run(words):
    """Run a module or a script as Python's command line does."""
    # What Python imports by itself, where the caller would have had it do so.
    sys.modules.pop("sitecustomize", None)
    if importlib.util.find_spec("sitecustomize"):
        importlib.import_module("sitecustomize")
    if words[0] == "-m":
        sys.argv = words[1:]
        runpy.run_module(words[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = words
        runpy.run_path(words[0], run_name="__main__")


def exit_status(words):
    """Run it to its end, as Python itself would, but for the cleaning up of modules.

    That takes longer than many a program, where so many are imported.
    """
    status, interrupted = 0, False
    try:
        run(words)
    except SystemExit as ended:
        status = ended.code
        if status is None or isinstance(status, int):
            status = status or 0
        else:
            print(status, file=sys.stderr)
            status = 1
    except BaseException as fault:
        traceback.print_exc()
        status, interrupted = 1, isinstance(fault, KeyboardInterrupt)
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    if interrupted:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    return status & 0xFF


def hasten():
    """Leave out what costs a fork more than a program, for it has so many modules.

    torchrun looks for the name of each of its steps on the stack, through all modules,
    to report events that nobody asks for.
    """
    steps = "torch.distributed.elastic.rendezvous.dynamic_rendezvous"
    if steps in sys.modules:
        sys.modules[steps].get_method_name = lambda depth=2: "unnamed"


class Server:
    """Forks and waits; `serve` returns in a fork alone, with what it is to run."""

    def __init__(self, path):
        self.listening = socket.socket(socket.AF_UNIX)
        self.listening.bind(path)
        self.listening.listen()
        self.events = selectors.DefaultSelector()
        self.events.register(self.listening, selectors.EVENT_READ, self.fork)
        self.events.register(sys.stdin, selectors.EVENT_READ, self.end)
        # Of each fork the connection to its caller, and the file that tells its end.
        self.callers, self.ends = {}, {}

    def serve(self):
        while True:
            for key, _ in self.events.select():
                # Not of a file that was closed meanwhile: another may have its number.
                waited_for = self.events.get_map().get(key.fd) == key
                if waited_for and (words := key.data(key.fileobj)):
                    return words

    def fork(self, listening):
        connection, _ = listening.accept()
        size, files, _, _ = socket.recv_fds(connection, 8, 3)
        asked = whole(connection, int.from_bytes(size, "big"))
        sys.stdout.flush()
        child = os.fork() if asked else None
        if child == 0:
            self.events.close()
            listening.close()
            connection.close()
            for other in self.callers.values():
                other.close()
            for end in self.ends.values():
                os.close(end)
            return become(asked, files)
        for number in files:
            os.close(number)
        if child is None:
            connection.close()
            return None
        # A caller that is gone already has deserted the fork, which is seen later.
        with contextlib.suppress(BrokenPipeError):
            connection.sendall(child.to_bytes(8, "big"))
        end = os.pidfd_open(child)
        self.callers[child], self.ends[child] = connection, end
        self.events.register(end, selectors.EVENT_READ, lambda _: self.ended(child))
        self.events.register(
            connection, selectors.EVENT_READ, lambda _: self.deserted(child)
        )
        return None

    def ended(self, child):
        """Tell the caller the exit status."""
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        connection, end = self.callers.pop(child), self.ends.pop(child)
        self.events.unregister(connection)
        self.events.unregister(end)
        os.close(end)
        with connection, contextlib.suppress(BrokenPipeError):
            connection.sendall(status.to_bytes(8, "big", signed=True))

    def deserted(self, child):
        """End a fork whose caller was killed."""
        os.kill(child, signal.SIGKILL)

    def end(self, stdin):
        for child in self.callers:
            os.kill(child, signal.SIGKILL)
        os._exit(0)


if __name__ == "__main__":
    for name in sys.argv[2:]:
        module, _, function = name.partition(":")
        module = importlib.import_module(module)
        if function:
            getattr(module, function)()
    hasten()
    # Forks share what they do not look through.
    gc.freeze()
    server = Server(sys.argv[1])
    print("ready", flush=True)
    os._exit(exit_status(server.serve()))
