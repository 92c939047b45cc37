"""A run by a server that repeats the key in every way: it is kept nowhere."""

import json
import urllib.parse

import pytest
from chat import Chat, completion
from project import Project, small

from arkiv.base.hashing import content_id

# With signs that JSON, addresses and HTML write in ways of their own.
KEY = "sk/proj+aZ81&kQq7=Xt0pL2mB9vR4"


def spellings(key):
    """What a server may make of a key that it repeats."""
    escaped = "".join(f"\\u{ord(sign):04X}" for sign in key)
    return (
        key,
        json.dumps({"error": f"Bearer {key}"}).replace("/", "\\/"),
        f'{{"error": "{escaped}"}}',
        urllib.parse.quote(key, safe=""),
        urllib.parse.quote(urllib.parse.quote(key, safe="")).lower(),
        key.replace("&", "&amp;"),
        "".join(f"&#x{ord(sign):x};" for sign in key),
        f"the header Authorization is Bearer {key[: len(key) // 2 + 3]}",
    )


def traces(key):
    """Spellings of a part of the key that was long enough to be known by."""
    part = key[: len(key) // 2 + 1]
    return {text.lower().encode() for text in (*spellings(part)[3:7], part)}


@pytest.mark.parametrize("status", [200, 400])
def test_a_server_that_repeats_the_key(tmp_path, models, monkeypatch, status):
    monkeypatch.setenv("ARKIV_TEST_KEY", KEY)
    for name in ("OPENAI_LOG", "HTTPX_LOG_LEVEL"):
        monkeypatch.setenv(name, "debug")
    project = Project(tmp_path / "project")
    echoes = spellings(KEY)

    def echo(request):
        prompt = request["messages"][0]["content"]
        return completion(f"Vad sade {KEY} om {prompt[-20:]}?")

    def fault(prompt, tried):
        """Each prompt is first answered by one of the spellings."""
        place = int(content_id(prompt), 16)
        return (status, echoes[place % len(echoes)]) if tried == 0 else None

    with Chat(echo, fault) as chat:
        openai = {"base_url": chat.base_url, "key_variable": "ARKIV_TEST_KEY"}
        # For all first tries at once, of which each is tried again a while later.
        openai["concurrency"] = 40
        queries = {"backend": "openai", "openai": openai}
        archive = {"court": {"example": {"cases": 16, "volumes": 4}}}
        overlay = small(models, datasets=archive, queries=queries)
        config = project.configure(**overlay)
        done = project.snakemake("queries", "-p", "--configfile", config, "--cores", 2)
        assert chat.keys == {f"Bearer {KEY}"}
        assert len(chat.faults) == len(echoes)
    files = [path for path in project.folder.rglob("*") if path.is_file()]
    texts = {path: path.read_bytes().lower() for path in files}
    texts["printed"] = done.stdout.lower().encode()
    for trace in traces(KEY):
        assert [path for path, text in texts.items() if trace in text] == []
    journal = project.folder / "results/small/cache/queries/journal.jsonl"
    assert b"[key]" in texts[journal]
