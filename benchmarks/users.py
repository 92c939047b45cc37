"""Many users of the search page at once: start it, search, note how long each waited.

Each user is a thread with a connection of its own that sends the next search as soon as
the one before is answered. Writes the waits in seconds as `.npy`.
"""

from __future__ import annotations

import argparse
import http.client
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

from arkiv.base.files import read_records, write_array
from benchmarks import ROOT

STARTED = "Ctrl-C ends it"


def searches(queries: list[str], users: int, each: int) -> list[list[str]]:
    """The addresses that each user asks for; no query comes twice."""
    return [
        [
            "/?" + urlencode({"q": f"{queries[number % len(queries)]} {number}"})
            for number in range(user, users * each, users)
        ]
        for user in range(users)
    ]


def waits(port: int, addresses: list[str]) -> Iterator[float]:
    """Seconds until the whole answer to each search is there."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    for address in addresses:
        began = time.monotonic()
        connection.request("GET", address)
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != 200 or b"<mark>" not in text:
            raise SystemExit(f"{address}: status {answer.status}, no marked words")
        yield time.monotonic() - began
    connection.close()


def command(folder: Path, users: int, each: int) -> list[str]:
    """The command that has users search the run of a folder, each so often."""
    return [
        *(sys.executable, "-m", "benchmarks.users", "--folder", str(folder)),
        *("--users", str(users), "--each", str(each)),
        *("--output", "{out}/waits.npy"),
    ]


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", required=True, type=Path)
    parser.add_argument("--users", required=True, type=int)
    parser.add_argument("--each", required=True, type=int)
    parser.add_argument("--output", required=True, type=Path)
    arguments = parser.parse_args(argv)

    import numpy as np

    rows = read_records(arguments.folder / "queries.jsonl")
    asked = searches([row["query"] for _, row in rows], arguments.users, arguments.each)
    script = ROOT / "scripts" / "serve_search.py"
    command = [sys.executable, str(script), "--configfile", "served.yaml", "--port"]
    server = subprocess.Popen(
        [*command, "0"], cwd=arguments.folder, stdout=subprocess.PIPE, text=True
    )
    try:
        said = server.stdout.readline()
        if STARTED not in said:
            raise SystemExit("the search page did not start")
        port = int(said.partition("127.0.0.1:")[2].partition("/")[0])
        found: list[list[float]] = [[] for _ in asked]
        threads = [
            threading.Thread(
                target=lambda user: found[user].extend(waits(port, asked[user])),
                args=(user,),
            )
            for user in range(arguments.users)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        server.terminate()
        server.wait()
    write_array(arguments.output, np.array([wait for user in found for wait in user]))


if __name__ == "__main__":
    main()
