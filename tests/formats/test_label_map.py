"""Names of classes in SSD's label maps."""

import pytest

from lenet.errors import LenetError
from lenet.formats.class_names import read_names

MAP = """item { name: "none_of_the_above" label: 0 display_name: "background" }
item { name: "n02084071" label: 2 display_name: "dog" }
item {
  name: "person"
  label: 3
}
"""


@pytest.mark.parametrize("name", ["labelmap.prototxt", "labels.txt"])
def test_names_stand_in_the_order_of_their_labels(tmp_path, name):
    path = tmp_path / name
    path.write_text(MAP)
    assert read_names(path) == ("background", "1", "dog", "person")


def test_tensorflow_says_id(tmp_path):
    path = tmp_path / "labels.pbtxt"
    path.write_text(
        "item {\n  id: 1\n  name: 'cat'\n}\nitem { name: '/m/0bt9lr' id: 3 display_name: 'dog' }\n"
    )
    assert read_names(path) == ("0", "cat", "2", "dog")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", ": holds no names of classes"),
        ('item { name: "a" label: 1 }\nitem { name: "b" label: 1 }', ":2:1: label 1 has two names"),
        ('item { name: "a" }', ":1:1: a label is None, it must be 0 to 99999"),
        ('item { name: "a" id: 1 }\nitem { name: "b" label: 1 id: 2 }', ":2:1: label and id are both given"),
        ('item { name: "a" id: 0 }\nitem { name: "b" id: 0 }', ":2:1: label 0 has two names"),
        ('item { name: "a" label: -1 }', ":1:1: a label is -1"),
        ('item { name: "a" label: 2000000000 }', ":1:1: a label is 2000000000"),
        ('layer { name: "a" }', ":1:1: .*layer"),
        ("item { name: ", ":1:"),
    ],
)
def test_what_is_no_label_map(tmp_path, text, message):
    path = tmp_path / "labelmap.prototxt"
    path.write_text(text)
    with pytest.raises(LenetError, match=f"labelmap.prototxt{message}"):
        read_names(path)
