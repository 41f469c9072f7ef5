"""What the text reader tolerates with a warning, and what it refuses, where and why."""

import time
from contextlib import suppress

import pytest
from google.protobuf import text_format
from hypothesis import given, settings
from hypothesis import strategies as st

from lenet.dialects.caffe.schema import ALIASES, schema
from lenet.errors import DescriptionError, FileError, Notes, SeveralErrors
from lenet.formats.protobuf import write_binary
from lenet.formats.prototxt import read_file, read_text, write_text


def read(text, type="NetParameter", notes=None):
    return read_text(text, "net.prototxt", schema(), type, notes if notes is not None else Notes(), ALIASES)


def as_protobuf(message):
    """The message as protobuf's own classes hold it."""
    result = schema().message_class(message.type)()
    result.MergeFromString(write_binary(message, schema()))
    return result


def oracle(text, type):
    return text_format.Parse(text, schema().message_class(type)())


# ---- what protobuf refuses and we read, with a warning


CONV = "layer { convolution_param { %s } }"
TOLERATED = [
    # text, type, clean text with the same meaning, place and words of the warning
    (CONV % "kernelsize: 5", CONV % "kernel_size: 5", "1:29", "read as 'kernel_size'"),
    (CONV % "biasterm: false", CONV % "bias_term: false", "1:29", "read as 'bias_term'"),
    (
        "layers { data_param { batchsize: 3 } }",
        "layers { data_param { batch_size: 3 } }",
        "1:23",
        "'batch_size'",
    ),
    (
        "layer { data_param { meanfile: 'm' } }",
        "layer { data_param { mean_file: 'm' } }",
        "1:22",
        "'mean_file'",
    ),
    (
        "layer { transform_param { cropsize: 3 } }",
        "layer { transform_param { crop_size: 3 } }",
        "1:27",
        "'crop_size'",
    ),
    (
        "layer { image_data_param { shuffle_images: true } }",
        "layer { image_data_param { shuffle: true } }",
        "1:28",
        "'shuffle'",
    ),
    ("layers { layer { kernel_size: 5 } }", "layers { layer { kernelsize: 5 } }", "1:18", "'kernelsize'"),
    ('state { phase: "TEST" }', "state { phase: TEST }", "1:16", "read as TEST"),
    ("state { phase: test }", "state { phase: TEST }", "1:16", "test was read as TEST"),
    ('layers { type: "SoftmaxLoss" }', "layers { type: SOFTMAX_LOSS }", "1:16", "read as SOFTMAX_LOSS"),
    ("name: “a”", 'name: "a"', "1:7", "curly quotes"),
    ("name: ‘a’", 'name: "a"', "1:7", "curly quotes"),
    ("state { phase: “TEST” }", "state { phase: TEST }", "1:16", "read as TEST"),
    ("\ufeffname: 'a'", "name: 'a'", "1:1", "byte order mark"),
    ("name: 'a'\r\ninput: 'b'\r\n", "name: 'a' input: 'b'", "1:10", "CR LF"),
    ("name:\u00a0'a'\u200b input: 'b'", "name: 'a' input: 'b'", "1:6", "web page"),
    ("layer { loss_weight: −1e–3 }", "layer { loss_weight: -1e-3 }", "1:22", "read as -1e-3"),
    ("input_dim: 5.0", "input_dim: 5", "1:12", "5.0 was read as 5"),
    ("input_dim: 1e4", "input_dim: 10000", "1:12", "1e4 was read as 10000"),
    ('input_dim: "5"', "input_dim: 5", "1:12", "was read as 5"),
    ("name: 'a'\nname: 'b'", "name: 'b'", "2:1", "'name' is given in line 1 already; this one counts"),
    ("state { level: 1 } state { phase: TEST }", "state { level: 1 phase: TEST }", "1:20", "read as one"),
    ('layer { loss_weight: "2" }', "layer { loss_weight: 2 }", "1:22", "was read as 2"),
    ("force_backward: TRUE", "force_backward: true", "1:17", "TRUE was read as true"),
    ('force_backward: "no"', "force_backward: false", "1:17", "was read as false"),
    ("state { level: 08 }", "state { level: 8 }", "1:16", "08 was read as 8"),
]


@pytest.mark.parametrize(("text", "clean", "place", "words"), TOLERATED, ids=lambda value: str(value)[:24])
def test_tolerates_with_a_warning(text, clean, place, words):
    notes = Notes()
    message = read(text, notes=notes)
    assert as_protobuf(message) == oracle(clean, "NetParameter")
    assert len(notes.warnings) == 1
    assert words in notes.warnings[0].message
    assert str(notes.warnings[0].where) == f"net.prototxt:{place}"


def test_aliases_stand_for_fields_and_are_none():
    for type, names in ALIASES.items():
        for wrong, right in names.items():
            assert wrong not in schema().fields(type), (type, wrong)
            assert right in schema().fields(type), (type, right)


def test_v0_fields_keep_their_own_names():
    notes = Notes(strict=True)
    message = read(
        "layers { layer { kernelsize: 5 biasterm: true batchsize: 1 meanfile: 'm' cropsize: 2 } }",
        notes=notes,
    )
    assert message.get("layers").get("layer").entries[0].name == "kernelsize"
    assert not notes.warnings


def test_unknown_fields_are_kept_and_reported():
    text = 'layer {\n  reorder_param { order: 0 order: [1.5, X] inner { s: "t" } }\n  nam: "x"\n}\n'
    notes = Notes()
    layer = read(text, notes=notes).get("layer")
    assert [(entry.name, entry.known) for entry in layer.entries] == [
        ("reorder_param", False),
        ("nam", False),
    ]
    assert [str(note.where) for note in notes] == ["net.prototxt:2:3", "net.prototxt:3:3"]
    assert notes.warnings[1].hint == "did you mean 'name'?"
    assert "order: X\n" in write_text(read(text))
    assert read(write_text(read(text))) == read(text)


def test_unknown_fields_are_errors_under_strict():
    with pytest.raises(SeveralErrors, match="has no field 'nam'") as error:
        read('nam: "x"\nlayer { typ: "x" }', notes=Notes(strict=True))
    assert len(error.value.errors) == 2


# ---- what is refused


REFUSED = {
    # text: (place, words of the message, words of the hint)
    "layer {\n  name: 'a'\n": ("1:7", "'{' is opened and never closed", "ends before its '}'"),
    "layer {\n  name: 'a'\n}\n}\n": ("4:1", "unexpected '}'", "one too many"),
    "layer {\n  name: 'a'\n>": ("3:1", "unexpected '>'", "line 1 is closed with '}'"),
    "name 'a'": ("1:1", "a colon is missing after 'name'", "name: 'a'"),
    "name:": ("1:1", "'name' has no value", ""),
    "name: }": ("1:1", "'name' has no value: '}' comes instead", ""),
    "name: 'a": ("1:7", "not closed on its line", "same quote"),
    "name: 'a\nb'": ("1:7", "not closed on its line", "same quote"),
    "{": ("1:1", "unexpected '{'", ""),
    ": 5": ("1:1", "unexpected ':'", ""),
    "input: ['a', 'b' }": ("1:8", "'[' is not closed", ""),
    "name: lenet.prototxt": ("1:12", "unexpected character '.'", "quotes"),
    "net@: 5": ("1:4", "unexpected character '@'", "quotes"),
    "input_dim: 5x": ("1:12", "'5x' is not a number", ""),
    "name: 5": ("1:7", 'name takes text in "quotes", not 5', 'name: "5"'),
    "name: lenet": ("1:7", 'name takes text in "quotes", not lenet', 'name: "lenet"'),
    "input_dim: 'x'": ("1:12", "input_dim takes an integer", ""),
    "input_dim: 5.5": ("1:12", "input_dim takes an integer, not 5.5", ""),
    "input_dim: 3000000000": ("1:12", "must lie in -2147483648 to 2147483647", ""),
    "input_dim: 1e400": ("1:12", "input_dim takes an integer", ""),
    "input_dim: " + "9" * 5000: ("1:12", "input_dim takes an integer", ""),
    CONV % "num_output: -1": ("1:41", "num_output is -1; it must not be negative", ""),
    "state { phase: TESTS }": ("1:16", "phase cannot be TESTS", "did you mean 'TEST'?"),
    "state { phase: 7 }": ("1:16", "phase cannot be 7", "TRAIN, TEST"),
    "layer { loss_weight: many }": ("1:22", "loss_weight takes a number, not many", ""),
    "force_backward: 2": ("1:17", "force_backward takes true or false, not 2", ""),
    "name: ['a', 'b']": ("1:1", "name takes one value, not a list", ""),
    "name { a: 1 }": ("1:1", "not a message in braces", ""),
    "layer: 5": ("1:8", "layer takes a message in braces, not 5", ""),
    'layer: "a"': ("1:8", "layer takes a message in braces", ""),
    r"name: '\q'": ("1:7", r"'\q' is not an escape", "backslash"),
    r"name: '\xff'": ("1:7", "is not UTF-8", ""),
    "\x00\x01\x02" * 50: ("1:1", "this is not text", "binary"),
}


@pytest.mark.parametrize("text", REFUSED, ids=lambda text: repr(text[:24]))
def test_refuses_with_place_reason_and_hint(text):
    place, words, hint = REFUSED[text]
    with pytest.raises(DescriptionError) as error:
        read(text)
    assert words in error.value.message
    assert str(error.value.where) == f"net.prototxt:{place}"
    assert hint in error.value.hint


def test_missing_brace_is_looked_for_where_it_is_missing():
    text = "name: 'n'\nlayer {\n  name: 'a'\n  include { phase: TRAIN }\nlayer {\n  name: 'b'\n}\n"
    with pytest.raises(DescriptionError, match="never closed") as error:
        read(text)
    assert (error.value.where.line, error.value.where.column) == (2, 7)
    assert "before 'layer' in line 5" in error.value.hint


def test_all_errors_at_once():
    text = "name: 5\nlayer { top: 3 }\ninput_dim: x\nstate { phase: NO }"
    with pytest.raises(SeveralErrors) as error:
        read(text)
    assert [entry.where.line for entry in error.value.errors] == [1, 2, 3, 4]


def test_a_syntax_error_comes_with_the_errors_before_it():
    with pytest.raises(SeveralErrors) as error:
        read("name: 5\nlayer {")
    assert [entry.where.line for entry in error.value.errors] == [1, 2]


def test_deep_nesting_is_refused_at_once(tmp_path):
    path = tmp_path / "deep.prototxt"
    path.write_bytes(b"layer{" * 17_000_000)
    started = time.perf_counter()
    with pytest.raises(DescriptionError, match="nested more than 100 deep"):
        read_file(path, schema(), "NetParameter", Notes())
    assert time.perf_counter() - started < 3  # seconds; 0.2 measured


def test_deepest_nesting_is_read():
    read("a {" * 100 + "}" * 100)


@given(st.binary(min_size=1, max_size=300))
@settings(deadline=None)
def test_any_bytes_are_read_or_refused_with_an_error_of_ours(data):
    with suppress(DescriptionError, SeveralErrors):
        read(data.decode("latin-1"))


@given(st.data())
@settings(deadline=None)
def test_damaged_text_is_read_or_refused_with_an_error_of_ours(data):
    text = (
        '# c\nlayer { name: "a" include: < phase: TEST > loss_weight: [1, 2.5f] top: \'b\' }\nname: "\\n"\n'
    )
    at = data.draw(st.integers(0, len(text)))
    new = data.draw(st.text("{}<>[]:;,#\"'“”\\ \n-.0x1fab\u00a0", max_size=3))
    end = data.draw(st.integers(at, min(at + 3, len(text))))
    with suppress(DescriptionError, SeveralErrors):
        read(text[:at] + new + text[end:])


@pytest.mark.parametrize("name", ["missing.prototxt", "."])
def test_files_that_cannot_be_read(tmp_path, name):
    with pytest.raises(FileError) as error:
        read_file(tmp_path / name, schema(), "NetParameter", Notes())
    assert str(tmp_path) in str(error.value)


def test_a_binary_file_is_refused(tmp_path):
    path = tmp_path / "net.caffemodel"
    path.write_bytes(bytes(range(256)) * 10)
    with pytest.raises(FileError, match="not a text file"):
        read_file(path, schema(), "NetParameter", Notes())


def test_latin_1_is_read_with_a_warning(tmp_path):
    path = tmp_path / "old.prototxt"
    path.write_bytes(b"# caf\xe9\nname: 'a'\n")
    notes = Notes()
    assert read_file(path, schema(), "NetParameter", notes).get("name") == "a"
    assert "Latin-1" in notes.warnings[0].message
