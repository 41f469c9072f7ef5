"""Fillers against the statistics of the real Caffe's, and against what they promise.

Statistics are samples: means and deviations must agree within 5 standard errors of both samples together.
The recorded ones are of float32 convolution (60 x 20 x 5 x 5) and dense (300 x 1280) weights.
"""

import inspect
import json
import re
from math import sqrt
from pathlib import Path

import pytest
import torch

from lenet.errors import DescriptionError
from lenet.layers.draws import Draws
from lenet.layers.fan_fillers import FanUniform
from lenet.layers.fillers import (
    FILLERS,
    Bilinear,
    Constant,
    Filler,
    Gaussian,
    Msra,
    PositiveUnitball,
    Uniform,
    Xavier,
)
from lenet.layers.local_mean import GaussianWindow

RECORDED = json.loads(
    (Path(__file__).parents[1] / "oracle" / "caffe" / "fillers.json").read_text(encoding="utf-8")
)
WORDS = {"FAN_IN": "fan_in", "FAN_OUT": "fan_out", "AVERAGE": "average"}
STANDARD_ERRORS = 5


def filler_of(words):
    """The filler that a line of Caffe's words describes, as the recorded ones are."""
    said = dict(re.findall(r'(\w+): "?([\w.-]+)"?', words))
    kind = FILLERS[said.pop("type")]
    names = {"min": "low", "max": "high", "variance_norm": "norm"}
    settings = {names.get(name, name): value for name, value in said.items()}
    numbers = {"sparse": int, "norm": WORDS.__getitem__}
    return kind(**{name: numbers.get(name, float)(value) for name, value in settings.items()})


def filled(filler, shape, seed=1):
    return torch.from_numpy(filler.values(tuple(shape), Draws(seed)))


def kurtosis(tensor):
    centred = tensor.double() - tensor.double().mean()
    return float(centred.pow(4).mean() / centred.square().mean() ** 2)


@pytest.mark.parametrize("entry", RECORDED, ids=lambda entry: f"{entry['filler']}-{entry['layer']}")
def test_statistics_are_those_of_caffe(entry):
    values = filled(filler_of(entry["filler"]), entry["shape"])
    std = float(values.double().std(correction=0))
    both = sqrt(2 / values.numel())  # two samples of one size
    assert float(values.double().mean()) == pytest.approx(
        entry["mean"], abs=STANDARD_ERRORS * std * both + 1e-8
    )
    # the standard error of a deviation is std sqrt((kurtosis - 1) / 4n)
    error = std * sqrt(max(kurtosis(values) - 1, 0) / 4) * both if std else 0
    assert std == pytest.approx(entry["std"], abs=STANDARD_ERRORS * error + 1e-8)
    share = entry["nonzero"] / values.numel()
    spread = values.numel() * sqrt(share * (1 - share)) * both
    assert int(values.count_nonzero()) == pytest.approx(entry["nonzero"], abs=STANDARD_ERRORS * spread)


@pytest.mark.parametrize("entry", RECORDED, ids=lambda entry: f"{entry['filler']}-{entry['layer']}")
def test_the_ends_are_those_of_caffe(entry):
    """Both ends of a bounded distribution, a thousandth of its width apart at most."""
    values = filled(filler_of(entry["filler"]), entry["shape"])
    if "gaussian" in entry["filler"] or "msra" in entry["filler"]:
        # the largest of n normal numbers is about sqrt(2 ln n) deviations off, here 4.2 to 5.1
        reach = (values - values.mean()).abs().max() / values[values != 0].std()
        assert 3 < reach < 6.5
        return
    width = (entry["max"] - entry["min"]) or 1.0
    # a unit ball's largest number depends on its row's sum, which varies by a few percent
    room = 0.05 if "unitball" in entry["filler"] else 1e-3
    assert float(values.min()) == pytest.approx(entry["min"], abs=room * width)
    assert float(values.max()) == pytest.approx(entry["max"], abs=room * width)


def test_every_filler_is_recorded_or_exact():
    # FanUniform and GaussianWindow are EBLearn's, recorded in tests/golden/test_eblearn_modules.py
    exact = {Bilinear, FanUniform, GaussianWindow}
    assert {type(filler_of(entry["filler"])) for entry in RECORDED} | exact == {
        FILLERS[name] for name in FILLERS
    }


@pytest.mark.parametrize("factor", [1, 2, 3, 4, 5, 8])
def test_bilinear(factor):
    """For the window that belongs to a factor, a tent: 1 at its middle, 0 just outside (Long et al. 2015)."""
    window = 2 * factor - factor % 2
    tent = [1 - abs(place - (window - 1) / 2) / factor for place in range(window)]
    expected = torch.tensor(tent)[:, None] * torch.tensor(tent)
    values = filled(Bilinear(), (3, 2, window, window))
    torch.testing.assert_close(values, expected.expand(3, 2, -1, -1), rtol=0, atol=1e-7)


@pytest.mark.parametrize(
    ("window", "slope"), [(2, [1, 0]), (3, [0.25, 0.75, 0.75]), (4, [0.25, 0.75, 0.75, 0.25])]
)
def test_bilinear_as_caffe_has_it(window, slope):
    """Windows that belong to no factor are lopsided there; 4 is recorded (deconv_bilinear_filler)."""
    values = filled(Bilinear(), (1, 1, window, window))[0, 0]
    assert values.equal(torch.tensor(slope)[:, None] * torch.tensor(slope))


@pytest.mark.parametrize(("shape", "said"), [((3, 3), "3 x 3"), ((1, 1, 3, 4), "1 x 1 x 3 x 4")])
def test_bilinear_needs_square_windows(shape, said):
    with pytest.raises(DescriptionError, match=f"needs square windows of 4 axes, not {said}"):
        filled(Bilinear(), shape)


@pytest.mark.parametrize(
    "filler",
    [
        Constant(2.0),
        Gaussian(sparse=3),
        Gaussian(0.5, 0.1),
        Uniform(-1, 1),
        Xavier("average"),
        Msra("fan_out"),
        PositiveUnitball(),
        Bilinear(),
    ],
    ids=lambda filler: type(filler).__name__,
)
class TestEveryFiller:
    def test_a_seed_repeats_it(self, filler):
        assert filled(filler, (4, 3, 2, 2)).equal(filled(filler, (4, 3, 2, 2)))

    def test_seeds_differ(self, filler):
        random = not isinstance(filler, Constant | Bilinear)
        first, second = filled(filler, (4, 3, 2, 2)), filled(filler, (4, 3, 2, 2), seed=2)
        assert first.equal(second) is not random

    def test_leaves_other_generators_alone(self, filler):
        before = torch.get_rng_state()
        filled(filler, (4, 3, 2, 2))
        assert torch.get_rng_state().equal(before)

    def test_gives_single_precision_in_the_shape_asked_for(self, filler):
        values = filler.values((4, 3, 2, 2), Draws(1))
        assert values.shape == (4, 3, 2, 2)
        assert values.dtype == "float32"


@pytest.mark.parametrize("name", FILLERS)
def test_registered_and_documented(name):
    kind = FILLERS[name]
    assert FILLERS.name_of(kind) == name
    assert issubclass(kind, Filler)
    assert ">>> " in inspect.getdoc(kind)


def test_a_bias_can_be_filled():
    """One axis: fan_in is 1, fan_out the whole count."""
    for filler in (Gaussian(sparse=2), Xavier(), Xavier("fan_out"), Msra("average"), PositiveUnitball()):
        assert filled(filler, (50,)).isfinite().all()
    assert filled(PositiveUnitball(), (5,)).tolist() == [1, 1, 1, 1, 1]


def test_rows_of_a_unit_ball_add_up_to_1():
    values = filled(PositiveUnitball(), (6, 5, 3, 3))
    torch.testing.assert_close(values.flatten(1).sum(1), torch.ones(6))
    assert (values >= 0).all()
