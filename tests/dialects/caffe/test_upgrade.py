"""Old nets and solvers: equal to what Caffe's own upgrade tools made of them, and the rules one by one."""

from pathlib import Path

import pytest
from google.protobuf import text_format

from lenet.dialects.caffe.schema import ALIASES, schema
from lenet.dialects.caffe.upgrade import upgrade_net, upgrade_solver, version
from lenet.dialects.caffe.upgrade_tables import (
    SOLVER_TYPES,
    V0_DROPPED,
    V0_FIELDS,
    V0_KEPT,
    V0_SETTINGS,
    V0_TRANSFORMS,
    V0_TYPES,
    V1_PARAMETER_FIELDS,
    V1_TYPES,
)
from lenet.errors import DescriptionError, Notes
from lenet.formats.protobuf import read_binary, write_binary
from lenet.formats.prototxt import read_text, write_text

ROOT = Path(__file__).parents[3]
ORACLE = ROOT / "tests" / "oracle" / "caffe" / "upgrade"
SHARED = ROOT.parent / "shared" / "models" / "caffe"
RECORDED = sorted(ORACLE.glob("*.prototxt"))


def net(text, notes=None):
    return read_text(text, "old.prototxt", schema(), "NetParameter", notes or Notes(), ALIASES)


def upgraded(text, notes=None):
    return upgrade_net(net(text), notes if notes is not None else Notes())


def flat(message):
    """The text of a message in one line."""
    return " ".join(write_text(message, by_number=True).split())


def type_of(path):
    return "SolverParameter" if "solver" in path.name else "NetParameter"


def upgrade(message):
    notes = Notes(strict=True)
    return (upgrade_solver if message.type == "SolverParameter" else upgrade_net)(message, notes)


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_recorded_upgrades(path):
    message = read_text(path.read_text(), path.name, schema(), type_of(path), Notes(strict=True))
    expected = path.with_suffix(".upgraded").read_text()
    result = write_text(upgrade(message), by_number=True)
    cls = schema().message_class(message.type)
    assert text_format.Parse(result, cls()) == text_format.Parse(expected, cls())
    assert result == expected  # to the letter, too


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_recorded_upgrades_from_binary(path):
    text = read_text(path.read_text(), path.name, schema(), type_of(path), Notes(strict=True))
    message = read_binary(write_binary(text, schema()), path.name, schema(), text.type)
    assert write_text(upgrade(message), by_number=True) == path.with_suffix(".upgraded").read_text()


def test_upgrading_twice_changes_nothing():
    for path in RECORDED:
        message = read_text(path.read_text(), path.name, schema(), type_of(path), Notes())
        once = upgrade(message)
        notes = Notes(strict=True)
        assert (upgrade_solver if "solver" in path.name else upgrade_net)(once, notes) == once
        assert not notes.warnings


def test_the_message_itself_stays_as_it_is():
    for path in RECORDED:
        message = read_text(path.read_text(), path.name, schema(), type_of(path), Notes())
        before = write_text(message)
        upgrade(message)
        assert write_text(message) == before


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("layers { layer { type: 'relu' } }", "V0"),
        ("layers { type: RELU }", "V1"),
        ("layer { type: 'ReLU' }", "V2"),
        ("name: 'n'", "V2"),
        ("layer { type: 'ReLU' } layers { type: RELU } layers { layer { type: 'relu' } }", "V0"),
    ],
)
def test_versions(text, expected):
    assert version(net(text)) == expected


# ---- the tables say what the schema says


def fields(message):
    return schema().fields(message)


def test_every_v1_type_has_a_v2_type():
    assert set(V1_TYPES) == set(schema().enums["V1LayerParameter.LayerType"])
    assert len(set(V1_TYPES.values())) == len(V1_TYPES)


def test_every_v0_type_has_a_v1_type():
    assert set(V0_TYPES.values()) <= set(V1_TYPES)
    assert set(V0_SETTINGS) <= set(V0_TYPES)


def test_every_v0_field_is_accounted_for():
    known = {*V0_FIELDS, *V0_TRANSFORMS, *V0_KEPT, *V0_DROPPED, "type"}
    assert known == set(fields("V0LayerParameter"))


@pytest.mark.parametrize("name", V0_FIELDS)
def test_v0_fields_have_the_type_of_their_target(name):
    target, types = V0_FIELDS[name]
    for type in types:
        settings = fields("V1LayerParameter")[V0_SETTINGS[type]].type
        old, new = fields("V0LayerParameter")[name], fields(settings)[target]
        assert (old.kind, old.values) == (new.kind, new.values) or {old.type, new.type} == {"int32", "uint32"}


def test_v1_fields_are_the_same_in_v2():
    for name, field in fields("V1LayerParameter").items():
        if name in (*V1_PARAMETER_FIELDS, "type", "layer"):
            continue
        new = fields("LayerParameter")[name]
        assert (new.type, new.repeated) == (field.type, field.repeated)
    for target in V1_PARAMETER_FIELDS.values():
        assert target in fields("ParamSpec")
    assert set(SOLVER_TYPES) == set(schema().enums["SolverParameter.SolverType"])


# ---- notes and places


def test_every_upgraded_layer_is_noted_with_its_place():
    notes = Notes(strict=True)
    upgraded(
        "name: 'n'\nlayers {\n type: CONVOLUTION name: 'c' blobs_lr: 1 }\nlayers { layer { type: 'relu' } }",
        notes,
    )
    assert [str(note) for note in notes] == [
        "old.prototxt:2:1: layer 'c' was upgraded from V1: type CONVOLUTION is now \"Convolution\", "
        "blobs_lr is now param.lr_mult",
        "old.prototxt:4:1: layer '' was upgraded from V0: type relu is now \"ReLU\"",
    ]


def test_v0_settings_are_noted_by_where_they_went():
    notes = Notes()
    upgraded(
        "layers { layer { name: 'd' type: 'data' source: 's' scale: 2 batchsize: 3 cropsize: 4 } }", notes
    )
    assert notes.warnings[0].message == (
        "layer 'd' was upgraded from V0: type data is now \"Data\", source, batchsize are now in data_param, "
        "scale, cropsize are now in transform_param"
    )


def test_entries_keep_their_places():
    layer = upgraded("layers {\n type: CONVOLUTION\n blobs_lr: 1\n blobs_lr: 2\n top: 'x' }").get("layer")
    assert [param.where.line for param in layer.all("param")] == [3, 4]
    assert [layer.entry(name).where.line for name in ("type", "top")] == [2, 5]


def test_a_binary_net_is_noted_once():
    data = write_binary(net("layers { type: RELU name: 'r' } layers { type: TANH name: 't' }"), schema())
    notes = Notes()
    upgrade_net(read_binary(data, "old.caffemodel", schema(), "NetParameter"), notes)
    assert [str(note) for note in notes] == ["old.caffemodel: its layers were upgraded from V1 to V2"]


# ---- the rules


def test_v1_parameters_are_gathered():
    text = """layers { type: INNER_PRODUCT param: "w" param: "b" blob_share_mode: PERMISSIVE
              blobs_lr: 1 blobs_lr: 2 weight_decay: 3 weight_decay: 0 weight_decay: 5 }"""
    assert flat(upgraded(text)) == (
        'layer { type: "InnerProduct" param { name: "w" share_mode: PERMISSIVE lr_mult: 1 decay_mult: 3 } '
        'param { name: "b" lr_mult: 2 decay_mult: 0 } param { decay_mult: 5 } }'
    )


def test_unknown_fields_of_a_v1_layer_are_kept():
    assert "reorder_param { order: 1 }" in flat(upgraded("layers { type: RELU reorder_param { order: 1 } }"))


@pytest.mark.parametrize(
    "type", ["DATA data_param", "IMAGE_DATA image_data_param", "WINDOW_DATA window_data_param"]
)
def test_transforms_move_out_of_v1_settings(type):
    type, settings = type.split()
    text = f"layers {{ type: {type} {settings} {{ source: 's' scale: 2 mirror: true crop_size: 3 }} }}"
    layer = upgraded(text, Notes(strict=True)).get("layer")
    assert flat(layer.get("transform_param")) == "scale: 2 mirror: true crop_size: 3"
    assert flat(layer.get(settings)) == 'source: "s"'


def test_in_v1_the_old_place_wins():
    text = "layers { type: DATA data_param { scale: 2 } transform_param { scale: 3 crop_size: 1 } }"
    assert flat(upgraded(text).get("layer").get("transform_param")) == "scale: 2 crop_size: 1"


def test_in_v2_transforms_are_moved_with_a_warning():
    notes = Notes()
    text = "layer { type: 'Data' data_param { scale: 2 batch_size: 1 } transform_param { mirror: true } }"
    assert flat(upgraded(text, notes).get("layer").get("transform_param")) == "scale: 2 mirror: true"
    assert str(notes.warnings[0]).startswith("old.prototxt:1:35: 'scale' belongs to transform_param")


def test_in_v2_the_right_place_wins():
    notes = Notes()
    layer = upgraded(
        "layer { type: 'Data' data_param { scale: 2 } transform_param { scale: 3 } }", notes
    ).get("layer")
    assert flat(layer) == 'type: "Data" transform_param { scale: 3 } data_param { }'
    assert "is left out" in notes.warnings[0].message


def test_old_and_new_layers_in_one_net_are_upgraded_with_a_warning():
    notes = Notes()
    text = """layers { type: RELU name: 'a' }
layer { type: 'TanH' name: 'b' } layers { layer { type: 'relu' name: 'c' } }"""
    layers = upgraded(text, notes).all("layer")
    assert [(layer.get("name"), layer.get("type")) for layer in layers] == [
        ("a", "ReLU"),
        ("b", "TanH"),
        ("c", "ReLU"),
    ]
    assert str(notes.warnings[0]).startswith("old.prototxt:2:1: the net has both 'layer' and 'layers'")
    with pytest.raises(DescriptionError, match="both 'layer' and 'layers'"):
        upgraded(text, Notes(strict=True))


def test_v0_drops_what_caffe_drops_and_says_so():
    notes = Notes()
    text = "debug_info: true layers { layer { type: 'relu' new_num: 1 stride: 2 } include { phase: TEST } }"
    assert flat(upgraded(text, notes)) == 'layer { type: "ReLU" }'
    messages = [note.message for note in notes.warnings]
    assert "'debug_info' is left out" in messages[0]
    assert "'include' is left out" in messages[1]
    assert messages[2] == "a V0 layer of type 'relu' has no 'stride'; it is left out"


PADDED = """layers { layer { name: 'd' type: 'data' } top: 'data' }
layers { layer { name: 'p' type: 'padding' pad: 2 } bottom: 'data' top: 'padded' }
layers { layer { name: 'c' type: 'TYPE' } bottom: 'padded' top: 'c' }"""


@pytest.mark.parametrize(("type", "settings"), [("conv", "convolution_param"), ("pool", "pooling_param")])
def test_padding_layers_become_the_pad_of_their_reader(type, settings):
    notes = Notes(strict=True)
    layers = upgraded(PADDED.replace("TYPE", type), notes).all("layer")
    assert [layer.get("name") for layer in layers] == ["d", "c"]
    assert (layers[1].all("bottom"), flat(layers[1].get(settings))) == (["data"], "pad: 2")
    assert str(notes.warnings[0]) == "old.prototxt:2:1: padding layer 'p' is now the pad of layer 'c'"


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        (PADDED.replace("TYPE", "relu"), "3:43", "padding layer 'p' is read by a layer that cannot pad"),
        (PADDED.replace("TYPE' }", "conv' } bottom: 'data'"), "3:58", "cannot pad"),
        (
            PADDED.replace("TYPE", "conv").replace("top: 'padded'", "top: 'padded' top: 'q'"),
            "2:1",
            "one bottom",
        ),
        ("layers { layer { name: 'x' type: 'convv' } }", "1:28", "layer 'x': V0 has no layer type 'convv'"),
        ("layers { layer { name: 'x' } }", "1:10", "V0 has no layer type ''"),
        ("input: 'a' input_dim: 1 input_dim: 2", "1:12", "1 'input' but 2 'input_dim'"),
        ("input: 'a' input: 'b' input_shape { dim: 1 }", "1:23", "2 'input' but 1 'input_shape'"),
    ],
)
def test_what_cannot_be_upgraded_is_refused(text, place, words):
    with pytest.raises(DescriptionError) as error:
        upgraded(text)
    assert words in error.value.message
    assert str(error.value.where) == f"old.prototxt:{place}"


def test_inputs_become_the_first_layer():
    text = """name: 'n' layer { name: 'r' type: 'ReLU' }
              input: 'x' input: 'y' input_shape { dim: 1 } input_shape { dim: 2 }"""
    result = upgraded(text)
    assert flat(result.all("layer")[0]) == (
        'name: "input" type: "Input" top: "x" top: "y" input_param { shape { dim: 1 } shape { dim: 2 } }'
    )
    assert [layer.get("name") for layer in result.all("layer")] == ["input", "r"]


def test_an_input_without_a_shape_goes_away():
    notes = Notes()
    assert flat(upgraded("name: 'n' input: 'x'", notes)) == 'name: "n"'
    assert "has no shape" in notes.warnings[0].message


def test_batch_norm_statistics_are_not_trained():
    notes = Notes()
    text = "layer { type: 'BatchNorm' param { lr_mult: 1 } param { } param { decay_mult: 3 } }"
    layer = upgraded(text, notes).get("layer")
    assert {flat(param) for param in layer.all("param")} == {"lr_mult: 0 decay_mult: 0"}
    assert "were set to 0" in notes.warnings[0].message
    two = "layer { type: 'BatchNorm' param { lr_mult: 1 } param { } }"
    assert flat(upgraded(two)) == 'layer { type: "BatchNorm" param { lr_mult: 1 } param { } }'


def solver(text):
    return read_text(text, "s.prototxt", schema(), "SolverParameter", Notes())


@pytest.mark.parametrize("type", SOLVER_TYPES)
def test_solver_types(type):
    notes = Notes(strict=True)
    assert flat(upgrade_solver(solver(f"solver_type: {type}"), notes)) == f'type: "{SOLVER_TYPES[type]}"'
    assert str(notes.warnings[0]).startswith(f's.prototxt:1:1: solver_type: {type} is now type: "')


def test_two_solver_types_are_refused():
    with pytest.raises(DescriptionError, match="both 'solver_type' and 'type'"):
        upgrade_solver(solver("type: 'Adam' solver_type: SGD"), Notes())


@pytest.mark.parametrize("field", ["net_param", "train_net_param", "test_net_param"])
def test_nets_inside_a_solver_are_upgraded(field):
    notes = Notes()
    result = upgrade_solver(solver(f"{field} {{\n layers {{ type: RELU }} }}"), notes)
    assert flat(result.get(field)) == 'layer { type: "ReLU" }'
    assert notes.warnings[0].where.line == 2


@pytest.mark.skipif(not SHARED.is_dir(), reason="Caffe's own files are too many to keep here")
def test_caffes_consolidated_solver_which_caffe_itself_cannot_read():
    path = SHARED / "lenet_v1" / "lenet_consolidated_solver.prototxt"
    message = read_text(path.read_text(), path.name, schema(), "SolverParameter", Notes())
    layers = upgrade_solver(message, Notes(strict=True)).get("net_param").all("layer")
    assert [layer.get("type") for layer in layers[:5]] == ["Data"] * 3 + ["Convolution", "Pooling"]
