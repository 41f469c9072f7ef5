"""`lenet time NET --against torch` with networks that are not the usual classifier."""

import pytest

DATA = """
layer { name: "in" type: "Input" top: "data" input_param { shape { dim: 2 dim: 1 dim: 8 dim: 8 } } }
"""
LABEL = 'layer { name: "l" type: "Input" top: "label" input_param { shape { dim: 2 } } }'
FIRST = """
layer { name: "ip1" type: "InnerProduct" bottom: "data" top: "ip1" inner_product_param { num_output: 4 } }
"""
LOSS = """
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip1" bottom: "label" top: "loss" }
"""
SECOND = FIRST.replace("ip1", "ip2") + LOSS.replace("ip1", "ip2").replace('"loss"', '"loss2"')
#: a blob that nobody reads and nothing learns from, as the MNIST autoencoder has
FLAT = 'layer { name: "flat" type: "Flatten" bottom: "data" top: "flat" }'
NETWORKS = {
    "labels in an input of their own": DATA + LABEL + FIRST + LOSS,
    "two classifiers, as GoogLeNet has": DATA + LABEL + FIRST + LOSS + SECOND,
    "an answer that nothing learns from": DATA + FLAT + FIRST,
}


@pytest.mark.parametrize("text", NETWORKS.values(), ids=NETWORKS)
def test_networks_that_are_compared(lenet, tmp_path, text):
    path = tmp_path / "net.prototxt"
    path.write_text(text)
    result = lenet("time", path, "--against", "torch", "--iterations", "1")
    assert result.code == 0, result.err
    assert "PyTorch, channels_last" in result.out
    assert "batch 2" in result.out


def test_a_network_in_which_nothing_learns_is_refused(lenet, tmp_path):
    path = tmp_path / "net.prototxt"
    path.write_text(DATA + FLAT)
    result = lenet("time", path, "--against", "torch")
    assert result.code != 0
    assert "no layer that learns" in result.err
    assert "Traceback" not in result.err
