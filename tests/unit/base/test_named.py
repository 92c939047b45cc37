"""NAME=VALUE words of command lines."""

import pytest

from arkiv.base.errors import InputError
from arkiv.base.named import named, named_lists


def test_every_name_has_its_values_in_their_order():
    words = ["b=2", "a=1", "b=x=y"]
    assert named_lists(words, "--o") == {"b": ["2", "x=y"], "a": ["1"]}
    assert list(named_lists(words, "--o")) == ["b", "a"]


def test_one_word_stands_for_the_files_of_many():
    words = ["a,b=r/{}/{}.json", "a=r/x.json", "c=r/{}.json"]
    assert named_lists(words, "--o") == {
        "a": ["r/a/a.json", "r/x.json"],
        "b": ["r/b/b.json"],
        "c": ["r/c.json"],
    }
    # Names are divided only where each finds its place.
    assert named(["a,b=1"], "--o") == {"a,b": "1"}


@pytest.mark.parametrize("word", ["a", "=1", "a=", "", "a,=r/{}", ",a=r/{}"])
def test_a_word_of_another_form_is_named(word):
    with pytest.raises(InputError, match=r"`--o`: has .*, expected NAME=VALUE"):
        named_lists([word], "--o")


def test_a_name_given_twice_is_refused():
    with pytest.raises(InputError, match="names a twice"):
        named(["a,b=r/{}", "a=2"], "--o")
