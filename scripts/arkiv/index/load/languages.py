"""What others call the language of a stemmer of Snowball's.

The analyzers are those that Elasticsearch and OpenSearch both have built in; the tags
are ISO 639-1's, as Vespa's `set_language` takes them.
"""

from __future__ import annotations

import logging
from collections.abc import Collection

log = logging.getLogger(__name__)

TAGS = {
    "arabic": "ar",
    "armenian": "hy",
    "basque": "eu",
    "catalan": "ca",
    "danish": "da",
    "dutch": "nl",
    "english": "en",
    "estonian": "et",
    "finnish": "fi",
    "french": "fr",
    "german": "de",
    "greek": "el",
    "hindi": "hi",
    "hungarian": "hu",
    "indonesian": "id",
    "irish": "ga",
    "italian": "it",
    "lithuanian": "lt",
    "nepali": "ne",
    "norwegian": "no",
    "portuguese": "pt",
    "romanian": "ro",
    "russian": "ru",
    "serbian": "sr",
    "spanish": "es",
    "swedish": "sv",
    "tamil": "ta",
    "turkish": "tr",
    "yiddish": "yi",
}
WITHOUT_ANALYZER = {"nepali", "serbian", "tamil", "yiddish"}


def tell_unknown(place: str, language: str | None, known: Collection[str]) -> None:
    """Warn where a place does not stem the words of the index's language."""
    if language is not None and language not in known:
        log.warning("%s has no stemmer for %s: words stay as they are", place, language)


def analyzer(language: str | None) -> str:
    """The analyzer of Lucene's for a language; `standard` where there is none."""
    known = TAGS.keys() - WITHOUT_ANALYZER
    tell_unknown("the search engine", language, known)
    return language if language in known else "standard"


def tag(language: str | None) -> str | None:
    """The language's tag; None where nothing is known."""
    tell_unknown("Vespa", language, TAGS)
    return TAGS.get(language or "")
