"""Datums: our reader and writer against Google's, and against the records that the real Caffe wrote."""

import io
from pathlib import Path

import numpy as np
import pytest
from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.message import DecodeError
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from lenet.errors import DataError
from lenet.formats import image as image_files
from lenet.formats.datum import Datum, read_datum, read_datums, write_datum, write_encoded_datum
from lenet.formats.idx import read_idx
from lenet.formats.lmdb import LmdbReader

ORACLE = Path(__file__).parents[1] / "oracle" / "caffe"
FIELDS = {  # name: number, label, type (as in descriptor.proto)
    "channels": (1, 1, 5),
    "height": (2, 1, 5),
    "width": (3, 1, 5),
    "data": (4, 1, 12),
    "label": (5, 1, 5),
    "float_data": (6, 3, 2),
    "encoded": (7, 1, 8),
}


def google_class():
    file = FileDescriptorProto(name="datum.proto", package="oracle", syntax="proto2")
    message = file.message_type.add(name="Datum")
    for name, (number, label, kind) in FIELDS.items():
        message.field.add(name=name, number=number, label=label, type=kind)
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("oracle.Datum"))


GOOGLE = google_class()
INT32 = st.integers(-(2**31), 2**31 - 1)
MESSAGES = st.fixed_dictionaries(
    {},
    optional={
        "channels": INT32,
        "height": INT32,
        "width": INT32,
        "data": st.binary(max_size=40),
        "label": INT32,
        "float_data": st.lists(st.floats(width=32, allow_nan=False), max_size=5),
        "encoded": st.booleans(),
    },
)


def expected(message):
    floats = np.array(message.float_data, "<f4").tobytes()
    shape = (message.channels, message.height, message.width)
    return Datum(shape, message.data, message.label, floats, message.encoded)


@given(MESSAGES)
def test_reads_what_google_writes(fields):
    message = GOOGLE(**fields)
    assert read_datum(message.SerializeToString()) == expected(message)


@settings(max_examples=400, deadline=None)
@given(MESSAGES, st.data())
def test_reads_damaged_bytes_as_google_does(fields, data):
    """Whatever Google's reader takes is read alike, whatever it refuses is refused."""
    content = bytearray(GOOGLE(**fields).SerializeToString())
    for _ in range(data.draw(st.integers(0, 3))):
        if content:
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    content = bytes(content[: data.draw(st.integers(0, len(content)))]) + data.draw(st.binary(max_size=6))
    try:
        message = GOOGLE.FromString(content)
    except DecodeError:
        with pytest.raises(DataError):
            read_datum(content)
        return
    found, wanted = read_datum(content), expected(message)
    same_floats = np.array_equal(
        np.frombuffer(found.floats, "<f4"), np.frombuffer(wanted.floats, "<f4"), equal_nan=True
    )
    assert same_floats
    assert (found.shape, found.data, found.label, found.encoded) == (
        wanted.shape,
        wanted.data,
        wanted.label,
        wanted.encoded,
    )


def test_unpacked_packed_and_unknown_fields():
    packed = bytes([6 << 3 | 2, 8]) + np.array([1.5, -2], "<f4").tobytes()
    alone = bytes([6 << 3 | 5]) + np.array([3], "<f4").tobytes()
    unknown = bytes([9 << 3 | 0, 1, 10 << 3 | 1, *range(8), 11 << 3 | 3, 1 << 3, 1, 11 << 3 | 4])
    assert GOOGLE.FromString(packed + unknown + alone).float_data == [1.5, -2, 3]
    assert np.frombuffer(read_datum(packed + unknown + alone).floats, "<f4").tolist() == [1.5, -2, 3]


@given(st.integers(1, 3), st.integers(1, 5), st.integers(1, 5), INT32, st.sampled_from(["u1", "f4"]))
def test_writes_as_google_does(channels, height, width, label, kind):
    values = np.arange(channels * height * width).astype(kind)
    message = GOOGLE(channels=channels, height=height, width=width, label=label)
    if kind == "u1":
        message.data = values.tobytes()
    else:
        message.float_data.extend(values.tolist())
    image = values.reshape(channels, height, width)
    assert write_datum(image, label) == message.SerializeToString(deterministic=True)
    again = read_datum(write_datum(image, label))
    assert again.label == label
    np.testing.assert_array_equal(again.image(), image)


def test_writes_what_caffe_wrote():
    images = read_idx(ORACLE / "formats" / "mnist20-images")
    labels = read_idx(ORACLE / "formats" / "mnist20-labels")
    with LmdbReader(ORACLE / "formats" / "mnist20_lmdb") as database:
        records = [value for _, value in database.records()]
    assert [
        write_datum(image[None], int(label)) for image, label in zip(images, labels, strict=True)
    ] == records
    found_images, found_labels = read_datums(records)
    np.testing.assert_array_equal(found_images[:, 0], images)
    np.testing.assert_array_equal(found_labels, labels)


def test_many_records_that_are_not_alike():
    """Labels of one, two and ten bytes, a field that others lack, fields in another order."""
    random_number = np.random.default_rng(0)
    images = random_number.integers(0, 256, (8, 2, 3, 4), np.uint8)
    labels = [3, 127, 128, 999, -1, 5, 6, 7]
    records = [write_datum(image, label) for image, label in zip(images, labels, strict=True)]
    records[5] += bytes([7 << 3, 0])
    message = GOOGLE.FromString(records[6])
    head, tail = records[6][:6], records[6][-2:]
    records[6] = tail + head + records[6][6:-2]
    assert GOOGLE.FromString(records[6]) == message
    for order in (range(8), [5, 6, 0, 1, 2, 3, 4, 7], [3, 2, 1, 0], [6]):
        found_images, found_labels = read_datums([records[index] for index in order])
        np.testing.assert_array_equal(found_images, images[list(order)])
        assert found_labels.tolist() == [labels[index] for index in order]
        assert found_labels.dtype == np.int64


def test_a_record_whose_bytes_only_look_like_the_first_one():
    """An unknown field with what would be the label's bytes inside must not be taken for a label."""
    image = np.zeros((1, 1, 2), np.uint8)
    plain = write_datum(image, 4)
    decoy = plain[:-2] + bytes([9 << 3 | 2, 2, 5 << 3, 4])
    assert read_datum(decoy).label == 0
    assert read_datums([decoy, plain])[1].tolist() == [0, 4]
    assert read_datums([plain, decoy])[1].tolist() == [4, 0]


def test_floats():
    images = np.linspace(-1, 1, 12, dtype=np.float32).reshape(2, 1, 2, 3)
    found, labels = read_datums([write_datum(image, index) for index, image in enumerate(images)])
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, images)
    assert labels.tolist() == [0, 1]


@pytest.mark.parametrize("name", ["convert_encoded_png", "convert_encoded_asis"])
def test_encoded_images_are_decoded_as_opencv_does(name):
    """The same images, once stored encoded and once decoded by Caffe; equal bit for bit."""
    plain = {"convert_encoded_png": "convert_resize", "convert_encoded_asis": "convert_default"}[name]
    with (
        np.load(ORACLE / "images" / f"{name}.npz") as encoded,
        np.load(ORACLE / "images" / f"{plain}.npz") as raw,
    ):
        for index in range(len(encoded["keys"])):
            datum = Datum(data=encoded[f"data/{index}"].tobytes(), encoded=True)
            found = datum.image(3)
            assert found.shape == tuple(raw[f"chw/{index}"])
            np.testing.assert_array_equal(found.ravel(), raw[f"data/{index}"])


def test_encoded_images_made_grey_are_those_of_caffe():
    with (
        np.load(ORACLE / "images" / "convert_encoded_asis.npz") as encoded,
        np.load(ORACLE / "images" / "convert_gray.npz") as raw,
    ):
        for index in range(len(encoded["keys"])):
            found = Datum(data=encoded[f"data/{index}"].tobytes(), encoded=True).image(1)
            assert found.shape == tuple(raw[f"chw/{index}"])
            np.testing.assert_array_equal(found.ravel(), raw[f"data/{index}"])


@pytest.mark.parametrize(
    ("mode", "channels", "wanted"),
    [("L", None, 1), ("RGB", None, 3), ("RGBA", None, 4), ("RGBA", 3, 3), ("L", 3, 3), ("RGBA", 1, 1)],
)
def test_channels_of_encoded_images(mode, channels, wanted):
    file = io.BytesIO()
    colour = {"L": 9, "RGB": (1, 2, 3), "RGBA": (1, 2, 3, 4)}[mode]
    Image.new(mode, (5, 4), colour).save(file, "PNG")
    image = Datum(data=file.getvalue(), encoded=True).image(channels)
    assert image.shape == (wanted, 4, 5)
    if wanted >= 3 and mode != "L":
        assert image[:, 0, 0].tolist() == [3, 2, 1, 4][:wanted]


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (b"\x22\x05abc", "truncated"),
        (b"\x08", "truncated"),
        (b"\x08" + b"\xff" * 10 + b"\x01", "10 bytes"),
        (b"\x00\x01", "field number 0"),
        (b"\x0c", "wire type 4"),
        (b"\x0f", "wire type 7"),
        (b"\x5b\x08\x01", "truncated"),
        (b"\x5b\x64", "not closed"),
        (b"\x32\x03abc", "float_data"),
    ],
)
def test_what_is_no_datum(record, reason):
    with pytest.raises(DecodeError):
        GOOGLE.FromString(record)
    with pytest.raises(DataError, match=reason):
        read_datum(record)


def test_sizes_that_do_not_fit():
    for datum in (
        Datum((1, 2, 3), bytes(5)),
        Datum((0, 2, 3)),
        Datum((-1, -2, 3), bytes(6)),
        Datum((1, 1, 2), floats=bytes(4)),
    ):
        with pytest.raises(DataError, match="values"):
            datum.image()
    with pytest.raises(DataError, match="encoded image"):
        Datum(data=b"no image", encoded=True).image()
    with pytest.raises(DataError, match="one shape"):
        read_datums([write_datum(np.zeros(shape, "u1"), 0) for shape in ((1, 2, 2), (1, 2, 3))])


def test_what_a_datum_cannot_hold():
    with pytest.raises(DataError, match="channels x height x width"):
        write_datum(np.zeros((2, 2), "u1"), 0)
    with pytest.raises(DataError, match="int64"):
        write_datum(np.zeros((1, 2, 2), "i8"), 0)
    with pytest.raises(DataError, match="32 bits"):
        write_datum(np.zeros((1, 2, 2), "u1"), 2**31)


def test_each_encoded_image_is_decoded_once(monkeypatch):
    decoded = []
    plain = image_files.decode_planes
    monkeypatch.setattr(image_files, "decode_planes", lambda data: decoded.append(data) or plain(data))
    contents = [image_files.encode_png(np.full((2, 3), value, np.uint8)) for value in (5, 6, 7)]
    images, labels = read_datums([write_encoded_datum(each, 300) for each in contents])
    assert (images[:, 0, 0, 0].tolist(), labels.tolist()) == ([5, 6, 7], [300] * 3)
    assert decoded == contents
