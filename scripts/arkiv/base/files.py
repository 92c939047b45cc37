"""Reading and writing the files between stages: whole or not at all.

Every file is JSON Lines, UTF-8, one record a line (a superset of FlagEmbedding's
training format), or a NumPy array whose row i belongs to line i. JSON Lines that people
bring may be packed by gzip.
"""

from __future__ import annotations

import codecs
import contextlib
import gzip
import json
import math
import os
import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from io import BufferedReader
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, BinaryIO
from unicodedata import is_normalized

from arkiv.base.errors import CURES, InputError
from arkiv.base.hashing import is_blank, nfc

if TYPE_CHECKING:
    import numpy as np

Record = dict[str, Any]

# How a file that gzip packed begins; no line of JSON does (RFC 1952).
GZIP = b"\x1f\x8b"
# Bytes of a line: what is packed may be a thousand times as long when unpacked.
LONGEST_LINE = 1 << 28


def _no_number(name: str) -> None:
    """Refuse NaN and Infinity, which Python reads and writes, but JSON has not."""
    raise ValueError(f"{name} is no number")


def _finite(text: str) -> float:
    """A number, unless no float is so large: it would become Infinity."""
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"the number {text[:20]} is too large")
    return number


# Made once, which `loads` with an option does for each text; and a record is written as
# one text, where `dump` to a file goes about it piece by piece, three times slower.
DECODER = json.JSONDecoder(parse_constant=_no_number, parse_float=_finite)
ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False)


@dataclass(frozen=True)
class Part:
    """Part `index` (from 1) of `count` contiguous parts, written `index-of-count`.

    The same words as Snakemake's scatter items.
    """

    index: int
    count: int

    @classmethod
    def parse(cls, text: str) -> Part:
        """Parse `2-of-4`.

        Raises:
            ValueError: the text is not of that form (argparse reports it).
        """
        first, _, second = text.partition("-of-")
        part = cls(int(first), int(second))
        if not 1 <= part.index <= part.count:
            raise ValueError(
                f"{text!r} is not a part: expected I-of-N with 1 <= I <= N"
            )
        return part

    def bounds(self, total: int) -> range:
        """The rows of this part out of `total`; all parts together are range(total)."""
        return range(
            total * (self.index - 1) // self.count, total * self.index // self.count
        )


@contextlib.contextmanager
def written_whole(path: str | Path) -> Iterator[Path]:
    """Yield a path beside `path` to write to; rename it to `path` if all went well.

    The body may make a file or a directory. On any exception, also a
    KeyboardInterrupt, what was written is removed and `path` is left as it was.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    holder = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    beside = holder / path.name
    try:
        yield beside
        if beside.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with open(beside, "rb") as written:
                os.fsync(written.fileno())
        _readable(beside)
        os.replace(beside, path)
    finally:
        shutil.rmtree(holder, ignore_errors=True)


def _readable(path: Path) -> None:
    """Give files the mode that the umask allows; safetensors writes owner-only ones.

    But those that links lead to, which are another's.
    """
    umask = os.umask(0)
    os.umask(umask)
    for file in path.rglob("*") if path.is_dir() else (path,):
        if file.is_file() and not file.is_symlink():
            file.chmod(0o666 & ~umask)


@contextlib.contextmanager
def open_records(path: str | Path) -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """Yield what writes one record to a file that appears whole or not at all."""
    with written_whole(path) as beside, open(beside, "w", encoding="utf-8") as out:

        def write(record: Mapping[str, Any]) -> None:
            out.write(ENCODER.encode(record) + "\n")

        yield write


def write_records(path: str | Path, records: Iterable[Mapping[str, Any]]) -> int:
    """Write records as JSON Lines, whole or not at all; return how many."""
    count = 0
    with open_records(path) as write:
        for record in records:
            write(record)
            count += 1
    return count


def put_together(sources: Iterable[str | Path], path: str | Path) -> None:
    """Write files one after another into one, whole or not at all.

    Raises:
        InputError: one of them is missing.
    """
    with written_whole(path) as beside, open(beside, "wb") as out:
        for source in sources:
            with open_input(source) as file:
                shutil.copyfileobj(file, out, 1 << 20)


def write_json(path: str | Path, value: object) -> None:
    """Write one JSON value, indented, keys in order, whole or not at all."""
    with written_whole(path) as beside:
        text = json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False)
        beside.write_text(text + "\n", encoding="utf-8")


def write_array(path: str | Path, values: np.ndarray) -> None:
    """Write a NumPy array as `.npy`, whole or not at all."""
    import numpy as np

    with written_whole(path) as beside, open(beside, "wb") as out:
        # A file itself NumPy writes by C functions, which do not tell of a full disk.
        np.save(SimpleNamespace(write=out.write), values, allow_pickle=False)


def read_json(path: str | Path) -> Any:
    """Read one JSON value.

    Raises:
        InputError: the file is missing or not JSON.
    """
    try:
        with open_input(path) as file:
            return json.loads(file.read().decode())
    except (ValueError, RecursionError) as error:
        raise InputError(f"not JSON ({error})", file=path) from None


def read_object(path: str | Path, what: str, *, optional: bool = False) -> Record:
    """Read one JSON object.

    Args:
        path: the file.
        what: what it should be, for the message.
        optional: where there is no file, it is empty.

    Raises:
        InputError: the file is missing or holds something else.
    """
    if optional and not os.path.isfile(path):
        return {}
    value = read_json(path)
    if not isinstance(value, dict):
        raise InputError(f"is not a JSON object, expected the {what}", file=path)
    return value


def count_lines(path: str | Path) -> int:
    """Number of lines, a last one without line feed included.

    Raises:
        InputError: the file is missing.
    """
    lines, last = 0, b"\n"
    with open_lines(path) as file:
        while block := file.read(1 << 20):
            lines += block.count(b"\n")
            last = block[-1:]
    return lines + (last != b"\n")


def read_yaml(path: str | Path) -> Any:
    """The value of a YAML file.

    Raises:
        InputError: the file is missing or not YAML, or a map in it has a key twice.
    """
    import yaml

    def check(node: yaml.Node | None, known: set[int]) -> None:
        """Refuse a key that stands twice: YAML forbids it, and PyYAML passes the first
        over. Of the nodes as they are composed, for merging changes them."""
        if isinstance(node, yaml.ScalarNode) or node is None or id(node) in known:
            return
        known.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            for one in node.value:
                check(one, known)
            return
        keys = set()
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode) and not key.tag.endswith(":merge"):
                if (key.tag, key.value) in keys:
                    twice = f"has the key `{key.value[:40]}` twice"
                    mark = key.start_mark
                    raise yaml.MarkedYAMLError(problem=twice, problem_mark=mark)
                keys.add((key.tag, key.value))
            check(key, known)
            check(value, known)

    try:
        with open_input(path) as file:
            loader = yaml.SafeLoader(file.read().decode())
        node = loader.get_single_node()
        check(node, set())
        return None if node is None else loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        # Not what stands there, which may be a secret.
        mark = error.problem_mark or error.context_mark
        line = mark and mark.line + 1
        reason = f"is not a YAML file ({error.problem or error.context})"
        raise InputError(reason, file=path, line=line) from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"is not a YAML file ({reason})", file=path) from None


def open_input(path: str | Path) -> BufferedReader:
    """Open a file to read its bytes.

    Raises:
        InputError: there is none, or it may not be read.
    """
    try:
        return open(path, "rb")
    except FileNotFoundError:
        raise InputError("no such file", file=path) from None
    except IsADirectoryError:
        raise InputError("is a directory, expected a file", file=path) from None
    except OSError as error:
        if error.errno not in CURES:
            raise
        raise InputError(f"cannot be read ({error.strerror})", file=path) from None


@contextlib.contextmanager
def open_lines(path: str | Path) -> Iterator[BinaryIO]:
    """Yield a file of lines to read its bytes, unpacked where gzip packed it.

    Raises:
        InputError: there is none, or what is packed is damaged.
    """
    with open_input(path) as file:
        if file.peek(len(GZIP))[: len(GZIP)] != GZIP:
            yield file
            return
        try:
            with gzip.GzipFile(fileobj=file) as unpacked:
                yield unpacked
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            reason = (
                f"is damaged, or ends too early, and gzip cannot unpack it ({error})"
            )
            raise InputError(reason, file=path) from None


def read_records(
    path: str | Path,
    check: Callable[[Record], None] | None = None,
    *,
    part: Part | None = None,
    beyond: int = 0,
    rejected: list[Record] | None = None,
) -> Iterator[tuple[int, Record]]:
    """Yield `(line number from 1, record)` of a JSON Lines file, see `parse_record`.

    Args:
        path: the file, packed by gzip or not.
        check: raises `InputError(reason, key=...)` for a record that will not do;
            file and line are added here.
        part: read the lines of this contiguous part only,
        beyond: and so many after it.
        rejected: where bad lines go, as `{"file", "line", "reason", "raw"}`; without
            it the first bad line ends the reading.

    Raises:
        InputError: missing file, a line that is not a JSON object in UTF-8, an empty
            line, or what `check` raised.
    """
    rows = None
    if part is not None:
        bounds = part.bounds(count_lines(path))
        rows = range(bounds.start, bounds.stop + beyond)
    with open_lines(path) as file:
        for row, raw in enumerate(iter(partial(file.readline, LONGEST_LINE), b"")):
            if len(raw) == LONGEST_LINE:
                reason = f"is longer than {LONGEST_LINE >> 20} MiB, expected a record"
                raise InputError(reason, file=path, line=row + 1)
            if rows is not None and row not in rows:
                if row >= rows.stop:
                    return
                continue
            try:
                record = parse_record(raw)
                if check is not None:
                    check(record)
            except InputError as fault:
                if rejected is None:
                    raise fault.at(path, row + 1) from None
                rejected.append(rejection(path, row + 1, fault, raw))
                continue
            yield row + 1, record


def rejection(path: str | Path, line: int, fault: InputError, raw: bytes) -> Record:
    """A line that was set aside, with its place and the reason."""
    return {
        "file": str(path),
        "line": line,
        "reason": str(InputError(fault.reason, key=fault.key)),
        "raw": raw.decode("utf-8", "replace").rstrip("\r\n"),
    }


def parse_record(raw: bytes) -> Record:
    """Parse one line; its texts come in Unicode's form NFC.

    Raises:
        InputError: it is not one JSON object in UTF-8.
    """
    if not raw.strip():
        raise InputError("the line is empty, expected a JSON object")
    try:
        text = raw.removeprefix(codecs.BOM_UTF8).decode()
        record = DECODER.decode(text)
        # Parts of a text in NFC are in NFC too, but for letters that are escaped.
        if b"\\u" in raw or not is_normalized("NFC", text):
            record = composed(record)
    except UnicodeDecodeError:
        raise InputError("the line is not UTF-8") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"the line is not JSON ({error})") from None
    if not isinstance(record, dict):
        kind = type(record).__name__
        raise InputError(f"the line is a JSON {kind}, expected an object")
    if b"\\ud" in raw or b"\\uD" in raw:
        try:
            json.dumps(record, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise InputError(
                "the line holds half a surrogate pair, which is no Unicode text"
            ) from None
    return record


def composed(value: Any) -> Any:
    """A value of JSON or YAML with all its texts, keys included, in NFC."""
    if isinstance(value, str):
        return nfc(value)
    if isinstance(value, list):
        return [composed(one) for one in value]
    if isinstance(value, dict):
        return {composed(key): composed(one) for key, one in value.items()}
    return value


def _value(record: Record, key: str, expected: str) -> Any:
    if key not in record:
        raise InputError(f"is missing, expected {expected}", key=key)
    return record[key]


def check_text(record: Record, key: str) -> None:
    """Refuse a record whose `key` is not a string with something in it.

    Raises:
        InputError: naming the key.
    """
    value = _value(record, key, "a text")
    if not isinstance(value, str):
        kind = type(value).__name__
        raise InputError(f"is of type {kind}, expected a text", key=key)
    if is_blank(value):
        raise InputError("is empty, expected a text", key=key)


def check_texts(record: Record, key: str, *, least: int = 1) -> None:
    """Refuse a record whose `key` is not a list of at least `least` texts.

    Raises:
        InputError: naming the key.
    """
    values = _value(record, key, "a list of texts")
    if not isinstance(values, list) or not all(isinstance(v, str) for v in values):
        raise InputError("is not a list of texts", key=key)
    if any(map(is_blank, values)):
        raise InputError("holds an empty text", key=key)
    if len(values) < least:
        raise InputError(
            f"holds {len(values)} texts, expected at least {least}", key=key
        )
