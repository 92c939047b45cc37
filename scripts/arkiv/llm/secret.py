"""The key of a server: from the environment, and nowhere else."""

from __future__ import annotations

import os

from arkiv.base.errors import InputError
from arkiv.base.secrets import Known
from arkiv.llm.settings import Connection


class Secret(Known):
    """A key that does not show itself, and is taken out of what others say."""

    @classmethod
    def for_server(cls, connection: Connection) -> Secret:
        """The value of the environment variable that holds a server's key.

        Raises:
            InputError: it is not set though OpenAI's own server needs one, or is no key
                (of which nothing is said: it may be one with a slip).
        """
        variable = connection.key_variable
        value = os.environ.get(variable, "").strip()
        if not value and connection.base_url == Connection.base_url:
            raise InputError(
                f"names the environment variable {variable}, which is not set; export "
                "it before snakemake is started",
                key="queries.openai.key_variable",
            )
        if not (value.isascii() and value.isprintable()) or " " in value:
            raise InputError(
                f"names the environment variable {variable}, whose value holds white "
                "space or characters that no key has",
                key="queries.openai.key_variable",
            )
        return cls(value)

    def revealed(self) -> str:
        """The key itself, for the client; one without a key is given a word."""
        return self._value or "none"
