"""The text format: read as protobuf reads it, tolerated where protobuf is not, refused with a place."""

import random
import re
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf import text_format
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lenet.dialects.caffe.schema import ALIASES, schema
from lenet.errors import Notes
from lenet.formats.message import Message
from lenet.formats.protobuf import write_binary
from lenet.formats.prototxt import format_float, read_file, read_text, write_text

ROOT = Path(__file__).parents[2]
ORACLE = ROOT / "tests" / "oracle" / "caffe"
CORPUS = ROOT.parent / "shared" / "models" / "caffe"
RANGES = {"int32": (-(2**31), 2**31 - 1), "int64": (-(2**63), 2**63 - 1), "uint32": (0, 2**32 - 1)}


def read(text, type="NetParameter", notes=None):
    return read_text(text, "net.prototxt", schema(), type, notes if notes is not None else Notes(), ALIASES)


def as_protobuf(message):
    """The message as protobuf's own classes hold it."""
    result = schema().message_class(message.type)()
    result.MergeFromString(write_binary(message, schema()))
    return result


def oracle(text, type):
    return text_format.Parse(text, schema().message_class(type)())


# ---- what protobuf accepts


ACCEPTED = {
    "colon before a brace": "layer: { name: 'a' }",
    "angle brackets": "layer < name: 'a' include < phase: TEST > >",
    "semicolons and commas": 'name: "a"; force_backward: true, input: "x";',
    "comments": '# first\nname: "a" # "not { this"\n#last',
    "list": 'input: ["a", "b"] input_dim: [1, 2, 3] input_dim: 4',
    "empty list": "input: []",
    "list of messages": 'layer: [{ name: "a" }, < name: "b" >]',
    "strings that follow each other": "name: 'a' \"b\"\n  'c'",
    "escapes": r'name: "\a\b\f\n\r\t\v\\\'\"\x41\101\u00e9\U0001F600"',
    "escape at the end of a part": r'name: "\x4" "1\1" "2"',
    "the other quote inside": 'name: \'say "a"\' input: "it\'s"',
    "spaces in a string": 'name: "  a # {b}  "',
    "utf-8": 'name: "naïve 网络"',
    "booleans": "layer { propagate_down: [true, True, t, 1, false, False, f, 0] }",
    "floats": "layer { loss_weight: [1, 1., .5, 1e3, 1.5E-3, 1.0f, 2f, -3, -0.0, inf, -inf, infinity] }",
    "integers": "layer { input_param { shape { dim: [0, 1, -1, 0x1F, 0XfF, 017, -0x10] } } }",
    "enums": "layer { include { phase: TEST } include { phase: 0 } pooling_param { pool: 1 } }",
    "one line": 'name:"a"layer{name:"b"top:"c"}layer{name:"d"}',
    "nothing": "  # only this",
}


@pytest.mark.parametrize("text", ACCEPTED.values(), ids=ACCEPTED)
def test_reads_what_protobuf_accepts(text):
    notes = Notes(strict=True)
    assert as_protobuf(read(text, notes=notes)) == oracle(text, "NetParameter")
    assert not notes.warnings


MISSPELT = "bad3.prototxt"  # Caffe refuses its unknown field, as protobuf does; here that is a warning
RECORDED = [path for path in sorted(ORACLE.rglob("*.prototxt")) if path.name != MISSPELT]


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.name)
def test_reads_recorded_files_like_protobuf(path):
    check_file(path)


@pytest.mark.skipif(not CORPUS.is_dir(), reason="Caffe's own files are too many to keep here")
def test_reads_caffes_files_like_protobuf():
    paths = sorted(CORPUS.rglob("*.prototxt"))
    assert len(paths) > 40
    for path in paths:
        check_file(path)


def check_file(path):
    type = "SolverParameter" if "solver" in path.name else "NetParameter"
    expected = oracle(path.read_text(), type)
    notes = Notes(strict=True)
    message = read_file(path, schema(), type, notes)
    assert not notes.warnings
    assert as_protobuf(message) == expected
    assert oracle(write_text(message), type) == expected
    assert as_protobuf(read(write_text(message), type)) == expected


def numbers(field):
    if field.kind == "int":
        low, high = RANGES[field.type]
        return st.integers(low, high) | st.sampled_from([low, high, 0, max(low, -1)])
    return st.floats(width=64 if field.type == "double" else 32, allow_nan=False)


def values(field, depth):
    if field.kind == "message":
        return messages(field.type, depth - 1)
    if field.kind == "enum":
        return st.sampled_from(sorted(field.values))
    scalars = {"bool": st.booleans(), "string": st.text(max_size=6), "bytes": st.binary(max_size=6)}
    return scalars[field.kind] if field.kind in scalars else numbers(field)


@st.composite
def messages(draw, type, depth=3):
    """A message with any of its fields, nested at most `depth` deep."""
    message = Message(type, schema())
    fields = [f for f in schema().fields(type).values() if depth > 0 or f.kind != "message"]
    required = [field for field in fields if field.required]
    chosen = (
        draw(st.lists(st.sampled_from(fields), max_size=3, unique_by=lambda field: field.name))
        if fields
        else []
    )
    for field in [*required, *(field for field in chosen if not field.required)]:
        for _ in range(draw(st.integers(1, 2)) if field.repeated else 1):
            message.add(field.name, draw(values(field, depth)))
    return message


any_message = st.sampled_from(sorted(schema().messages)).flatmap(messages)
quick = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


@quick
@given(any_message)
def test_writes_what_protobuf_reads(message):
    text = write_text(message)
    assert oracle(text, message.type) == as_protobuf(message)
    assert as_protobuf(read(text, message.type)) == as_protobuf(message)


@quick
@given(any_message)
def test_reads_what_protobuf_writes(message):
    expected = as_protobuf(message)
    for one_line in (False, True):
        text = text_format.MessageToString(expected, as_one_line=one_line, use_index_order=one_line)
        assert as_protobuf(read(text, message.type)) == expected


@quick
@given(any_message, st.integers(0, 2**32))
def test_reads_every_style_like_protobuf(message, seed):
    text = styled(message, random.Random(seed))
    assert as_protobuf(read(text, message.type, Notes(strict=True))) == oracle(text, message.type)


def styled(message, chance):
    """The text of a message with its liberties taken at random."""
    parts = []
    for entry in message.entries:
        field = message.field(entry.name)
        gap = chance.choice(["", " ", "\n", "\t# c\n"])
        if field.kind == "message":
            opening, closing = chance.choice(["{}", "<>"])
            colon = chance.choice([":", ""])
            value = f"{colon}{gap}{opening}{styled(entry.value, chance)}{closing}"
        else:
            value = f":{gap}{styled_scalar(field, entry.value, chance)}"
        parts.append(entry.name + value + chance.choice([" ", "\n", "; ", ",", "\r\n"]))
    return "".join(parts).replace("\r", "")


def styled_scalar(field, value, chance):
    plain = write_text(single(field, value)).partition(": ")[2].rstrip("\n")
    if field.kind == "bool":
        plain = chance.choice(["true", "True", "t", "1"] if value else ["false", "False", "f", "0"])
    elif field.kind == "enum" and chance.random() < 0.5:
        plain = str(field.values[value])
    elif field.kind == "int" and value >= 0:
        plain = chance.choice([str(value), hex(value), f"0{value:o}" if value else "0"])
    elif field.kind == "string" and chance.random() < 0.5:
        middle = len(value) // 2
        plain = " ".join(
            "'" + write_text(single(field, part)).partition(": ")[2].rstrip("\n")[1:-1] + "'"
            for part in (value[:middle], value[middle:])
        )
    return f"[{plain}]" if field.repeated and chance.random() < 0.3 else plain


def single(field, value):
    """A message with just this field."""
    owner = next(name for name, type in schema().messages.items() if type.fields.get(field.name) is field)
    message = Message(owner, schema())
    message.add(field.name, value)
    return message


def test_escapes_that_only_the_c_library_knows():
    assert read(r"name: '\?\ud83d\ude00'").get("name") == "?\U0001f600"


# ---- places, trees, numbers


def test_every_entry_knows_its_place():
    message = read("name: 'n'\n\nlayer {\n  name: 'a'\n  top: [ 'x',\n    'y' ]\n}\n")
    layer = message.get("layer")
    assert (message.entry("name").where.line, layer.where.line, layer.where.column) == (1, 3, 1)
    places = [(entry.name, entry.where.line, entry.where.column) for entry in layer.entries]
    assert places == [("name", 4, 3), ("top", 5, 10), ("top", 6, 5)]


def test_a_message_is_asked_changed_and_copied():
    message = read("input: 'a' input: 'b' name: 'n'")
    assert (message.all("input"), message.get("input"), message.get("state", 5)) == (["a", "b"], "b", 5)
    assert message.value("force_backward") is False
    assert message.value("state") is None
    assert not message.has("state")
    copy = message.copy()
    copy.set("input", "c")
    copy.add_message("state").set("phase", "TEST")
    copy.remove("name")
    assert write_text(copy) == 'input: "c"\nstate {\n  phase: TEST\n}\n'
    assert write_text(message) == 'input: "a"\ninput: "b"\nname: "n"\n'
    with pytest.raises(KeyError):
        message.value("inputs")


def test_fields_by_number():
    assert write_text(read('layer { type: "T" name: "N" } name: "x"'), by_number=True) == (
        'name: "x"\nlayer {\n  name: "N"\n  type: "T"\n}\n'
    )


@given(st.floats(width=32, allow_nan=False))
def test_floats_have_the_fewest_digits_that_read_back(value):
    text = format_float(value)
    assert struct.pack("<f", float(text)) == struct.pack("<f", value)
    digits = len(re.sub(r"e.*|[-+.]", "", text).strip("0"))
    if 6 < digits <= 9 and value:
        assert struct.pack("<f", float(f"{value:.{digits - 1}g}")) != struct.pack("<f", value)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.00390625, "0.00390625"), (1e-05, "1e-05"), (1e10, "1e+10"), (0.1, "0.1"), (1.0, "1"), (1e39, "inf")],
)
def test_floats_as_protobuf_prints_them(value, text):
    assert format_float(value) == text


def test_reading_text_imports_neither_protobuf_nor_numpy():
    code = (
        "import sys; import lenet.formats.prototxt, lenet.dialects.caffe.schema as s; s.schema();"
        "print([name for name in ('numpy', 'google.protobuf', 'torch') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
