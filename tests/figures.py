"""What every figure of the report is to be."""

import re
import xml.etree.ElementTree as ET

from arkiv.report.drawing import BY_VALUE

SVG = "{http://www.w3.org/2000/svg}"


def assert_svg(path, title):
    root = ET.parse(path).getroot()
    assert root.tag == f"{SVG}svg"
    text = path.read_text()
    assert title in text
    assert "dc:date" not in text
    assert root.findall(f".//{SVG}text"), "letters are to stay letters"
    # The page of the report has a name for each, which a dark screen shows otherwise.
    assert set(re.findall(r"#[0-9a-f]{6}\b", text)) <= {
        colour.lower() for colour in BY_VALUE
    }
    return text


def twice(make, *names):
    """Run a program twice; the second time its outputs must be the same bytes."""
    make()
    first = [name.read_bytes() for name in names]
    make()
    assert first == [name.read_bytes() for name in names]
