"""Look a machine over before a run: one line per check, with what to do.

    python scripts/check_machine.py --configfile my.yaml [--profile slurm] [--json]

Ends with status 1 where a check found a fault. Runs with the standard library alone and
says what lacks; this file also with a Python that is too old for the rest.
"""

import json
import os
import sys

NEEDED = (3, 11)


def too_old(version):
    """The lines of a Python that is too old, or nothing."""
    if version >= NEEDED:
        return []
    found, needed = (".".join(map(str, one)) for one in (version[:2], NEEDED))
    seen = "Python {}, and arkiv needs {} or newer".format(found, needed)  # noqa: UP032
    do = "start this with a newer python3 (module load python)"
    if "--json" in sys.argv:
        check = {"name": "python", "status": "fault", "seen": seen, "do": do}
        return [json.dumps({"checks": [check]})]
    return ["fault    python          " + seen, " " * 25 + "do: " + do]


def main(argv=None):
    """Run the checks and end this process, where Python is new enough for them."""
    told = too_old(sys.version_info[:2])
    if told:
        print("\n".join(told))
        sys.exit(1)
    from arkiv.doctor import program

    program.main(argv)


if __name__ == "__main__":
    # `python -I` leaves out where this file lies.
    sys.path[:0] = [os.path.dirname(os.path.abspath(__file__))]
    main()
