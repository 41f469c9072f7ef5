"""Whole networks of EBLearn's demos against what the real program computed, in float64.

The configurations here say the same as the demos' (mnist.conf, svhn.conf) in fewer words.  Tolerances
are parts of a tensor's largest magnitude: 1e-10, some hundred thousand roundings (the worst differs by
3e-14), and 1e-8 where EBLearn's pooling has added 1e-10 to the numbers in place.
"""

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch

from lenet.data.tables import write_table
from lenet.dialects.eblearn.draws import KnuthDraws
from lenet.dialects.eblearn.net import ENERGY_BLOB, layout, read_net
from lenet.dialects.eblearn.weights import flat
from lenet.engine.build import build
from lenet.engine.second_order import blob_curvatures, curvatures
from lenet.errors import Notes
from lenet.formats.conf import read_text

ORACLE = Path(__file__).parents[1] / "oracle" / "eblearn" / "networks"
SHARED = Path(__file__).parents[3] / "shared"
MNIST = """
arch = zpad0,${c0},${s1},${c2},${s3},conv5,addc5,tanh,linear7,addc7,tanh
c0 = conv0,addc0,tanh,abs0,wstd0
s1 = subs1,addc1,tanh
c2 = conv2,addc2,tanh,abs2,wstd2
s3 = subs3,addc3,tanh
zpad0_dims = 5x5
conv0_kernel = 5x5
conv0_stride = 1x1
conv0_table_in = 1
conv0_table_out = 6
conv2_kernel = 5x5
conv2_stride = 1x1
conv2_table = ${folder}/table.mat
conv5_kernel = 5x5
conv5_stride = 1x1
conv5_table_in = thickness
conv5_table_out = 120
wstd0_kernel = 5x5
wstd2_kernel = 5x5
subs1_kernel = 2x2
subs1_stride = 2x2
subs3_kernel = 2x2
subs3_stride = 2x2
linear7_in = thickness
linear7_out = noutputs
trainer = trainable_module1
trainable_module1_energy = l2_energy
answer = class_answer
"""
SVHN = """
input_thickness = 3
arch = conv0,addc0,tanh,l4pool2,snorm5,ms2,merge2,linear6,addc6,tanh,linear7,addc7,tanh
ms2_pipe0 = conv1,addc2,tanh,l4pool2,snorm7
ms2_pipe1 = l4pool5,snorm5
conv0_kernel = 5x5
conv0_stride = 1x1
conv0_shared = 1
conv0_table = ${folder}/table0.mat
conv1_kernel = 7x7
conv1_stride = 1x1
conv1_shared = 1
conv1_table = ${folder}/table1.mat
l4pool2_kernel = 2x2
l4pool2_stride = 2x2
l4pool2_energy = l1penalty
l4pool5_kernel = 5x5
l4pool5_stride = 3x3
l4pool5_energy = l1penalty
l1penalty_threshold = 0
l1penalty_coeff = .00001
snorm5_kernel = 5x5
snorm5_gaussian_coeff = 4
snorm7_kernel = 7x7
snorm7_gaussian_coeff = 4
merge2_type = mflat
merge2_ins = 4x4,4x4
merge2_strides = 1x1,1x1
linear6_in = 8448
linear6_out = 20
linear7_in = 20
linear7_out = noutputs
"""
# svhn: recorded module -> our node; what stands in a pipe is the output of ms2
SVHN_NODES = {
    "mod00_conv051": "conv0",
    "mod01_addc0": "addc0",
    "mod02_tanh": "tanh",
    "mod03_l4pool22+ebm_1": "l4pool2",
    "mod04_snorm5": "snorm5",
    "mod05_ms2_state0": "snorm7",
    "mod05_ms2_state1": "snorm5.2",
    "mod06_merge2": "merge2",
    "mod07_linear6": "linear6",
    "mod08_addc6": "addc6",
    "mod09_tanh": "tanh.3",
    "mod10_linear7": "linear7",
    "mod11_addc7": "addc7",
}


def thinned(tensor):
    numbers = tensor.detach().flatten().numpy()
    step = -(-numbers.size // 64)
    return np.concatenate([numbers[::step], [numbers.min(), numbers.max(), np.abs(numbers).sum()]])


def close(tensor, recorded, tolerance=1e-10):
    found = thinned(tensor)
    scale = np.abs(recorded[:-1]).max()
    assert np.abs(found[:-1] - recorded[:-1]).max() <= tolerance * scale
    assert abs(found[-1] - recorded[-1]) <= tolerance * recorded[-1]


def joined(tensors):
    return torch.cat([tensor.flatten() for tensor in tensors])


def network_of(text, folder, tables, input):
    for name, table in tables.items():
        write_table(folder / f"{name}.mat", table)
    conf = read_text(f"{text}\nfolder = {folder}\n", "", Notes())
    net = read_net(conf, Notes(), outputs=10, input=input)
    return net, build(net, training=True, draws=KnuthDraws(0), dtype=torch.float64)


@pytest.fixture(scope="module")
def mnist(tmp_path_factory):
    recorded = dict(np.load(ORACLE / "mnist.npz"))
    tables = {"table": recorded["table"]}
    net, network = network_of(MNIST, tmp_path_factory.mktemp("mnist"), tables, (1, 28, 28))
    image = torch.from_numpy(recorded["in"].astype(np.float64) * 0.01)[None].requires_grad_()
    blobs = network({"input": image, "label": torch.from_numpy(recorded["labels"][0]).long()})
    for blob in blobs.values():
        if blob.requires_grad:
            blob.retain_grad()
    network.loss(blobs).backward()
    return recorded, net, network, blobs


def test_mnist_starts_from_the_recorded_weights(mnist):
    """Bit for bit: train/run20/mnist_net00000.mat, the start of a run with fixed_randomization = 1."""
    recorded, net, network, _ = mnist
    vector = flat(network.weights(), layout(net))
    assert (vector.size, vector.dtype) == (51046, np.float64)
    assert hashlib.sha256(vector.tobytes()).digest() == recorded["start"].tobytes()


def test_mnist_modules_agree(mnist):
    recorded, net, network, blobs = mnist
    modules = [key for key in recorded if key[:2].isdigit() and not key.endswith(("_g", "_h"))]
    second = blob_curvatures(network, blobs, {ENERGY_BLOB: torch.ones(1, dtype=torch.float64)})
    assert len(modules) == 23
    for key, node in zip(sorted(modules), net.nodes[1:], strict=False):
        blob = blobs[node.outputs[0]]
        close(blob, recorded[key])
        if f"{key}_g" in recorded:
            close(blob.grad, recorded[f"{key}_g"])
            close(second[node.outputs[0]], recorded[f"{key}_h"])
    close(blobs["input"].grad, recorded["gin"])
    close(second["input"], recorded["hin"])


def test_mnist_parameters_get_the_recorded_gradients_and_second_derivatives(mnist):
    recorded, _, network, blobs = mnist
    close(joined(tensor.grad for tensor in network.parameters()), recorded["gparam"])
    top = {ENERGY_BLOB: torch.ones(1, dtype=torch.float64)}
    close(joined(curvatures(network, blobs, top)), recorded["hparam"])


def test_mnist_answers_as_recorded(mnist):
    recorded, _, _, blobs = mnist
    assert blobs[ENERGY_BLOB].item() == pytest.approx(recorded["energies"].item(), rel=1e-12)
    assert blobs["class"].item() == recorded["answers"][0, 0]
    assert blobs["confidence"].item() == pytest.approx(recorded["answers"][0, 1], rel=1e-12)


@pytest.fixture(scope="module")
def svhn(tmp_path_factory):
    recorded = dict(np.load(ORACLE / "svhn.npz"))
    tables = {name: recorded[name] for name in ("table0", "table1")}
    net, network = network_of(SVHN, tmp_path_factory.mktemp("svhn"), tables, (3, 32, 32))
    blobs = network({"input": torch.from_numpy(recorded["x"])[None].requires_grad_()})
    return recorded, net, network, blobs


def test_svhn_starts_from_the_recorded_weights(svhn):
    recorded, net, network, _ = svhn
    vector = flat(network.weights(), layout(net))
    assert vector.size == 258326
    assert hashlib.sha256(vector.tobytes()).digest() == recorded["start"].tobytes()


@pytest.mark.parametrize("module", SVHN_NODES)
def test_svhn_modules_agree(svhn, module):
    recorded, _, _, blobs = svhn
    added_in_place = module in ("mod02_tanh", "mod04_snorm5")
    close(blobs[SVHN_NODES[module]], recorded[module], 1e-8 if added_in_place else 1e-10)


def test_svhn_gets_the_recorded_gradients(svhn):
    """Those of the penalties with them; none from the pipes to what comes before them."""
    recorded, net, network, blobs = svhn
    output = blobs[net.nodes[-1].outputs[0]]
    assert [name for name, _ in network.loss_terms] == [
        "l4pool2+l1penalty",
        "l4pool2.2+l1penalty",
        "l4pool5+l1penalty",
    ]
    loss = (output * torch.from_numpy(recorded["gy"])).sum() + network.loss(blobs)
    of_input, *of_parameters = torch.autograd.grad(
        loss, [blobs["input"], *network.parameters()], retain_graph=True
    )
    close(of_input, recorded["gx"])
    close(joined(of_parameters), recorded["gparam"], 1e-8)


def test_svhn_gets_the_recorded_second_derivatives(svhn):
    recorded, net, network, blobs = svhn
    top = {net.nodes[-1].outputs[0]: torch.from_numpy(recorded["hy"])[None]}
    close(joined(curvatures(network, blobs, top)), recorded["hparam"], 1e-8)
    assert not recorded["hx"].any()
    assert "input" not in blob_curvatures(network, blobs, top)


@pytest.mark.skipif(not SHARED.is_dir(), reason="EBLearn's own configurations are too large to keep")
@pytest.mark.parametrize(
    ("path", "run_type", "count"),
    [
        ("demos/mnist/mnist.conf", "train", 51046),
        ("demos/mnist/mnist.conf", "detect", 51046),
        ("demos/face/face.conf", "detect", 2518),
        ("demos/face/best_dir.conf", "detect", 2518),
        ("demos/face/best_cam.conf", "detect", 2518),
        ("demos/face/oldfiles/face.conf", "train", 2518),
        ("tools/data/face/best.conf", "detect", 2518),
        ("demos/svhn/svhn.conf", "train", 258326),
        ("demos/svhn/svhn_trained.conf", "train", 258326),
        ("demos/regression/uci-isolet/isolet.conf", "train", 617 * 80 + 80 + 80 * 10 + 10),
    ],
)
def test_configurations_of_the_demos_have_the_recorded_number_of_parameters(path, run_type, count):
    net = read_net(SHARED / "models" / "eblearn" / path, Notes(), run_type)
    assert sum(np.prod(place.shape) for place in layout(net)) == count
