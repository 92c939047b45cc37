"""A connection to PostgreSQL, whose password no log has.

Who connects, and by which password, libpq finds itself: in PGUSER, PGPASSWORD and their
like, a service file, or ~/.pgpass.
"""

from __future__ import annotations

from typing import Any

from arkiv.base.errors import InputError
from arkiv.base.secrets import concealed

KEY = "--postgres"


def connected(address: str) -> Any:
    """A connection that commits each statement.

    Raises:
        InputError: the address is none or has a password in it, or no server answers.
    """
    import psycopg
    from psycopg.conninfo import conninfo_to_dict

    try:
        parts = conninfo_to_dict(address)
    except psycopg.ProgrammingError:
        # What it says may repeat a password.
        raise InputError(
            "is no connection string, expected postgresql://HOST/DATABASE or "
            "service=NAME",
            key=KEY,
        ) from None
    if {"password", "sslpassword"} & parts.keys():
        raise InputError(
            "has a password in it, which others see in the list of processes; set "
            "PGPASSWORD, or use a service file or ~/.pgpass",
            key=KEY,
        )
    try:
        return psycopg.connect(address, autocommit=True, application_name="arkiv")
    except psycopg.Error as error:
        raise refused(error) from None


def refused(error: Exception) -> InputError:
    """What the server says, without secrets, as a fault of the input."""
    said = " ".join(concealed(str(error)).split()).rstrip(".")
    return InputError(f"PostgreSQL says: {said}", key=KEY)
