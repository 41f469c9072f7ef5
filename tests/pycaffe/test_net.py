"""Net: blobs and parameters as arrays that can be written to, passes in parts, shapes, files."""

import json

import numpy as np
import pytest

import lenet.pycaffe as caffe
from lenet.errors import DataError, DescriptionError, FileError, TrainingError, UsageError, WeightsError
from lenet.pycaffe import layers as L  # noqa: N812

from .conftest import ORACLE, small_classifier, write

LAYERS = ORACLE / "layers"
RANDOM = {"dropout_train"}  # its random numbers cannot be repeated
CASES = [case["name"] for case in json.loads((LAYERS / "INDEX.json").read_text(encoding="utf-8"))]
TOLERANCE = 1e-5  # of the largest number: some hundred roundings of float32


def near(found, expected, what):
    assert found.shape == expected.shape, what
    largest = np.abs(expected[np.isfinite(expected)]).max(initial=0)
    np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE * largest, err_msg=what)


class Case:
    """What the real pycaffe computed for one layer."""

    def __init__(self, name):
        with np.load(LAYERS / f"{name}.npz") as arrays:
            self.arrays = {key: arrays[key] for key in arrays.files}
        training = str(self.arrays["phase"]).lower() == "train"
        self.net = caffe.Net(str(LAYERS / f"{name}.prototxt"), caffe.TRAIN if training else caffe.TEST)

    def of(self, kind):
        for key, array in self.arrays.items():
            if key.startswith(kind + "/"):
                yield key.removeprefix(kind + "/"), array

    def parameter(self, key):
        layer, index = key.split("/")
        return self.net.params[layer][int(index)]


@pytest.mark.parametrize("name", sorted(set(CASES) - RANDOM))
def test_every_layer_computes_what_pycaffe_computed(name):
    case = Case(name)
    for key, array in case.of("param"):
        case.parameter(key).data[...] = array
    for blob, array in case.of("in"):
        case.net.blobs[blob].data[...] = array
    case.net.forward()
    for blob, array in case.of("out"):
        near(case.net.blobs[blob].data, array, f"out/{blob}")
    for key, array in case.of("param_after"):
        near(case.parameter(key).data, array, f"param_after/{key}")
    slopes = dict(case.of("topdiff"))
    has_loss = any(case.net.blob_loss_weights.values())
    if not slopes or not (has_loss or "force_backward: true" in str(case.arrays["prototxt"])):
        return  # Caffe goes back from losses only: the gradients that were recorded are 0
    for blob, array in slopes.items():
        case.net.blobs[blob].diff[...] = array
    case.net.backward()
    for kind in ("botdiff", "blobdiff"):
        for blob, array in case.of(kind):
            near(case.net.blobs[blob].diff, array, f"{kind}/{blob}")
    for key, array in case.of("pdiff"):
        near(case.parameter(key).diff, array, f"pdiff/{key}")


def test_parts_have_their_names(deploy):
    net = caffe.Net(str(deploy), caffe.TEST)
    assert list(net.blobs) == ["data", "conv", "pool", "score", "prob"]
    assert list(net.layer_dict) == ["data", "conv", "relu", "pool", "score", "prob"]
    assert [layer.type for layer in net.layers][:3] == ["Input", "Convolution", "ReLU"]
    assert {name: [blob.shape for blob in blobs] for name, blobs in net.params.items()} == {
        "conv": [(4, 1, 3, 3), (4,)],
        "score": [(3, 36), (3,)],
    }
    assert (net.inputs, net.outputs) == (["data"], ["prob"])
    assert (net.top_names["relu"], net.bottom_names["pool"]) == (["conv"], ["conv"])
    assert (net._layer_names[1], net._blob_names[net._outputs[0]], net._top_ids(1)) == ("conv", "prob", [1])
    blob = net.blobs["conv"]
    assert (blob.num, blob.channels, blob.height, blob.width, blob.count) == (2, 4, 6, 6, 288)


def test_automatic_splits_are_there_as_in_caffe(learning):
    net = caffe.Net(str(learning), caffe.TEST)
    assert "score_score_0_split_1" in net.blobs
    assert net.blob_loss_weights["loss"] == 1
    assert net.outputs == ["accuracy", "loss"]


def test_both_forms_of_the_constructor(deploy, tmp_path):
    weights = str(tmp_path / "w.caffemodel")
    first = caffe.Net(str(deploy), caffe.TEST)
    first.save(weights)
    for net in (caffe.Net(str(deploy), weights, caffe.TEST), caffe.Net(deploy, phase=1, weights=weights)):
        np.testing.assert_array_equal(net.params["conv"][0].data, first.params["conv"][0].data)
    with pytest.raises(UsageError, match="phase"):
        caffe.Net(str(deploy), weights)


def test_arrays_that_were_taken_once_stay_alive(deploy, images):
    net = caffe.Net(str(deploy), caffe.TEST)
    data, prob = net.blobs["data"].data, net.blobs["prob"].data
    data[...] = images
    net.forward()
    np.testing.assert_allclose(prob.sum(1), 1, rtol=1e-6)
    before = prob.copy()
    data *= 2
    assert net.forward()["prob"] is prob
    assert np.abs(prob - before).max() > 1e-4


def test_writes_to_a_blob_are_seen_by_the_layers_behind_it(deploy, images):
    net = caffe.Net(str(deploy), caffe.TEST)
    net.forward(data=images)
    assert list(net.forward(end="pool")) == ["pool"]
    net.blobs["pool"].data[...] = 0
    score = net.forward(start="score", end="score")["score"]
    np.testing.assert_array_equal(score, np.broadcast_to(net.params["score"][1].data, (2, 3)))


def test_writes_to_parameters_are_seen(deploy, images):
    net = caffe.Net(str(deploy), caffe.TEST)
    net.params["conv"][0].data.flat = 0
    net.params["conv"][1].data[...] = [1, -2, 3, -4]
    conv = net.forward(blobs=["conv"], data=images)["conv"]
    np.testing.assert_array_equal(conv[0, :, 0, 0], [1, 0, 3, 0])


def test_backward_in_parts_and_gradients_that_add_up(learning, images):
    net = caffe.Net(str(learning), caffe.TRAIN)
    net.forward(data=images, label=np.array([0, 2]))
    assert net.backward(diffs=["conv"], end="conv")["conv"].any()
    once = net.params["score"][0].diff.copy()
    net.backward()
    np.testing.assert_allclose(net.params["score"][0].diff, 2 * once, rtol=1e-6)
    net.clear_param_diffs()
    assert not net.params["score"][0].diff.any()
    net.blobs["pool"].diff[...] = 1
    net.backward(start="pool")
    assert not net.params["score"][0].diff.any()
    assert net.params["conv"][0].diff.any()


@pytest.mark.parametrize("phase", [caffe.TRAIN, caffe.TEST])
def test_gradients_are_those_of_finite_differences(learning, images, phase):
    net = caffe.Net(str(learning), phase)
    label = np.array([0, 2])
    net.forward(data=images, label=label)
    net.backward()
    weight, slope, step = net.params["score"][0].data, net.params["score"][0].diff[1, 5], 1e-2
    losses = []
    for change in (step, -2 * step):
        weight[1, 5] += change
        losses.append(float(net.forward(data=images, label=label)["loss"]))
    # float32 losses near 1 over a step of 0.02: 1e-7 / 0.02
    assert (losses[0] - losses[1]) / (2 * step) == pytest.approx(slope, abs=1e-4)


def test_other_shapes_follow_from_the_input(deploy, images):
    net = caffe.Net(str(deploy), caffe.TEST)
    expected = net.forward(data=images)["prob"].copy()
    weights = net.params["conv"][0].data
    net.blobs["data"].reshape(5, 1, 8, 8)
    net.reshape()
    assert net.blobs["conv"].shape == (5, 4, 6, 6)
    net.blobs["data"].data[...] = images[:1]
    np.testing.assert_allclose(net.forward()["prob"], np.repeat(expected[:1], 5, axis=0), rtol=1e-5)
    assert np.shares_memory(weights, net.params["conv"][0].data)
    net.blobs["data"].reshape(1, 1, 12, 8)
    with pytest.raises(DescriptionError, match="score"):
        net.forward()


def test_any_number_of_samples_goes_through_in_batches(deploy, images):
    net = caffe.Net(str(deploy), caffe.TEST)
    many = np.concatenate([images, images[:1], images])
    answers = net.forward_all(blobs=["pool"], data=many)
    assert answers["prob"].shape == (5, 3)
    assert answers["pool"].shape == (5, 4, 3, 3)
    np.testing.assert_allclose(answers["prob"][2], answers["prob"][0], rtol=1e-6)
    outputs, slopes = net.forward_backward_all(data=many, prob=np.ones((5, 3), np.float32))
    np.testing.assert_allclose(outputs["prob"], answers["prob"])
    assert slopes["data"].shape == (5, 1, 8, 8)


def test_callbacks_hear_of_every_layer(learning, images):
    net = caffe.Net(str(learning), caffe.TRAIN)
    heard = []
    net.before_forward(lambda index: heard.append(("before", index)))
    net.after_forward(lambda index: heard.append(("after", index)))
    net.before_backward(lambda index: heard.append(("back", index)))
    net.after_backward(lambda index: heard.append(("was", index)))
    net.forward(start="conv", end="relu")
    place = net._layer_names.index("conv")
    assert heard == [("before", place), ("after", place), ("before", place + 1), ("after", place + 1)]
    heard.clear()
    net.backward(start="conv", end="conv")
    assert heard == [("back", place), ("was", place)]


def test_weights_go_through_both_kinds_of_files(deploy, tmp_path):
    pytest.importorskip("h5py")
    net = caffe.Net(str(deploy), caffe.TEST)
    net.save(str(tmp_path / "w.caffemodel"))
    net.save_hdf5(str(tmp_path / "w.h5"))
    for read in ("copy_from", "load_hdf5"):
        other = caffe.Net(str(deploy), caffe.TEST)
        getattr(other, read)(str(tmp_path / ("w.h5" if read == "load_hdf5" else "w.caffemodel")))
        for name, blobs in net.params.items():
            for blob, copied in zip(blobs, other.params[name], strict=True):
                np.testing.assert_array_equal(blob.data, copied.data)


def test_networks_share_what_they_have_in_common(deploy, learning, images):
    net, other = caffe.Net(str(deploy), caffe.TEST), caffe.Net(str(learning), caffe.TEST)
    other.share_with(net)
    net.params["conv"][0].data[...] = 0
    assert not other.params["conv"][0].data.any()
    assert set(other.forward(data=images, label=np.zeros(2))) == {"accuracy", "loss"}


def test_set_random_seed_repeats_weights(deploy):
    weights = []
    for _ in range(2):
        caffe.set_random_seed(7)
        weights.append([caffe.Net(str(deploy), caffe.TEST).params["conv"][0].data.copy() for _ in range(2)])
    np.testing.assert_array_equal(weights[0], weights[1])
    assert np.abs(weights[0][0] - weights[0][1]).max() > 0


def test_images_from_memory(tmp_path):
    spec = caffe.NetSpec()
    spec.data, spec.label = L.MemoryData(batch_size=2, channels=1, height=3, width=3, ntop=2)
    spec.sum = L.Reduction(spec.data, axis=1)
    spec.silence = L.Silence(spec.label, ntop=0)
    net = caffe.Net(str(write(tmp_path / "m.prototxt", spec.to_proto())), caffe.TEST)
    assert net.inputs == []
    pictures = np.arange(4, dtype=np.float32).reshape(4, 1, 1, 1) * np.ones((4, 1, 3, 3), np.float32)
    net.set_input_arrays(pictures, np.arange(4, dtype=np.float32))
    sums = [net.forward()["sum"].tolist() for _ in range(3)]
    assert sums == [[0, 9], [18, 27], [0, 9]]
    with pytest.raises(DataError, match="whole batches"):
        net.set_input_arrays(pictures[:3], np.arange(3))


def test_wrong_use_says_what_is_wrong(deploy, images, tmp_path):
    net = caffe.Net(str(deploy), caffe.TEST)
    with pytest.raises(UsageError, match="no layer 'conv1'") as caught:
        net.forward(start="conv1")
    assert "conv" in caught.value.hint
    with pytest.raises(UsageError, match="inputs are data"):
        net.forward(image=images)
    with pytest.raises(DataError, match="2 x 1 x 8 x 8"):
        net.forward(data=images[:1])
    with pytest.raises(UsageError, match="no blob"):
        net.forward(blobs=["nothing"])
    with pytest.raises(UsageError, match="MemoryData"):
        net.set_input_arrays(images, np.zeros(2))
    with pytest.raises(FileError):
        net.copy_from(str(tmp_path / "missing.caffemodel"))
    with pytest.raises(DescriptionError):
        net.params["conv"][1].reshape(3)
    larger = small_classifier()
    larger.conv.fn.params["num_output"] = 5
    other = caffe.Net(str(write(tmp_path / "o.prototxt", larger.to_proto())), caffe.TEST)
    other.save(str(tmp_path / "o.caffemodel"))
    with pytest.raises(WeightsError, match="conv"):
        net.copy_from(str(tmp_path / "o.caffemodel"))


def test_blobs_that_no_memory_holds_are_our_error(tmp_path):
    """As on the command line; the network goes on with another shape."""
    net = tmp_path / "net.prototxt"
    text = """layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 4 } } }
      layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip"
        inner_product_param { num_output: OUTPUTS } }"""
    net.write_text(text.replace("OUTPUTS", "4000000000"))
    with pytest.raises(TrainingError, match="not enough memory"):
        caffe.Net(str(net), caffe.TEST)
    net.write_text(text.replace("OUTPUTS", "2"))
    running = caffe.Net(str(net), caffe.TEST)
    running.blobs["data"].reshape(10**13, 4)
    with pytest.raises(TrainingError, match="not enough memory"):
        _ = running.blobs["data"].data
    with pytest.raises(TrainingError, match="not enough memory"):
        running.forward()
    running.blobs["data"].reshape(3, 4)
    assert running.forward()["ip"].shape == (3, 2)
