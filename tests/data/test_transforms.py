"""Transforms against what the real Caffe's Data layer gave (phase TEST), the random ones by their rules."""

from pathlib import Path

import numpy as np
import pytest
import torch

from lenet.data import transforms
from lenet.data.transforms import Transform
from lenet.errors import DataError, FileError
from lenet.shapes import ShapeError

ORACLE = Path(__file__).parents[1] / "oracle" / "caffe" / "images"
MEAN = str(ORACLE / "mean_resize.binaryproto")
RECORDED = {
    "none": Transform(),
    "scale": Transform(scale=0.00390625),
    "mean_value1": Transform(mean_values=(104.0,)),
    "mean_value3": Transform(mean_values=(104.0, 117.0, 123.0), scale=0.5),
    "mean_file": Transform(mean_file=MEAN),
    "crop": Transform(crop=9),
    "crop_mean_file_scale": Transform(crop=10, scale=2, mean_file=MEAN),
}


def stored_images():
    with np.load(ORACLE / "convert_resize.npz") as file:
        return np.stack([file[f"data/{index}"].reshape(3, 16, 24) for index in range(6)])


def apply(transform, images, training=False, seed=0):
    mean = transform.mean(images.shape[1:])
    generator = torch.Generator().manual_seed(seed)
    mean = None if mean is None else torch.from_numpy(mean)
    return transform.apply(torch.from_numpy(images), training, generator, mean).numpy()


@pytest.mark.parametrize("name", RECORDED)
def test_equals_caffe_bit_for_bit(name):
    transform, images = RECORDED[name], stored_images()
    found = apply(transform, images)
    assert found.dtype == np.float32
    assert found.shape[1:] == transform.shape(images.shape[1:])
    with np.load(ORACLE / "transform_data.npz") as recorded:
        np.testing.assert_array_equal(found[[0, 1, 2, 3]], recorded[f"{name}/data0"])
        np.testing.assert_array_equal(found[[4, 5, 0, 1]], recorded[f"{name}/data1"])


@pytest.mark.parametrize("mean_file", ["", MEAN])
def test_random_crops_are_windows_with_the_mean_of_the_same_place(mean_file):
    images = np.random.default_rng(0).integers(0, 256, (200, 3, 16, 24), np.uint8)
    transform = Transform(crop=14, scale=0.5, mean_file=mean_file)
    mean = transform.mean((3, 16, 24)) if mean_file else np.zeros((3, 16, 24), np.float32)
    found = apply(transform, images, training=True)
    places = set()
    for image, result in zip(images, found, strict=True):
        whole = (image - mean) * np.float32(0.5)
        matches = [
            (top, left)
            for top in range(3)
            for left in range(11)
            if np.array_equal(whole[:, top : top + 14, left : left + 14], result)
        ]
        assert len(matches) == 1
        places.update(matches)
    assert {top for top, _ in places} == set(range(3))
    assert {left for _, left in places} == set(range(11))


@pytest.mark.parametrize("training", [True, False])
def test_mirror_flips_about_half(training):
    images = np.random.default_rng(0).integers(0, 256, (400, 1, 2, 3), np.uint8)
    found = apply(Transform(mirror=True, mean_values=(3.0,)), images, training)
    plain = images.astype(np.float32) - 3
    flipped = (found == plain[..., ::-1]).all(axis=(1, 2, 3))
    assert (flipped | (found == plain).all(axis=(1, 2, 3))).all()
    assert 150 < flipped.sum() < 250


def test_the_seed_decides():
    images = np.random.default_rng(0).integers(0, 256, (50, 1, 8, 8), np.uint8)
    transform = Transform(crop=5, mirror=True)
    same, again, other = (apply(transform, images, True, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(same, again)
    assert (same != other).any()


@pytest.mark.parametrize("values", [{}, {"mean_values": (3.3, 7.7)}, {"crop": 4, "mean_values": (0.1,)}])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32, torch.float64, torch.int16])
def test_small_batches_and_large_ones_are_worked_out_alike(monkeypatch, dtype, values):
    images = torch.randint(0, 256, (5, 2, 6, 4), generator=torch.Generator().manual_seed(1)).to(dtype)
    transform = Transform(scale=1 / 255.3, **values)
    mean = transform.mean((2, 6, 4))
    mean = None if mean is None else torch.from_numpy(mean)
    small = transform.apply(images, training=False, mean=mean)
    monkeypatch.setattr(transforms, "_BY_ONE_THREAD", 0)
    large = transform.apply(images, training=False, mean=mean)
    assert torch.equal(small, large)
    assert small.dtype == large.dtype == torch.float32
    assert small.is_contiguous()
    assert small.data_ptr() != images.data_ptr()


def test_the_stored_images_are_not_changed():
    images = torch.ones(2, 1, 3, 3)
    for transform in (Transform(), Transform(scale=2), Transform(mean_values=(1.0,)), Transform(crop=3)):
        transform.apply(images, training=False).add_(5)
        assert (images == 1).all()


def test_means_as_numpy_files(tmp_path):
    mean = np.arange(12.0).reshape(1, 2, 3, 2)
    np.save(tmp_path / "mean.npy", mean)
    found = Transform(mean_file=str(tmp_path / "mean.npy")).mean((2, 3, 2))
    np.testing.assert_array_equal(found, mean[0])
    assert found.dtype == np.float32


def test_what_does_not_fit(tmp_path):
    with pytest.raises(ShapeError, match="crop size 9"):
        Transform(crop=9).shape((1, 8, 10))
    with pytest.raises(DataError, match="2 mean values"):
        Transform(mean_values=(1.0, 2.0)).mean((3, 8, 8))
    with pytest.raises(DataError, match="both"):
        Transform(mean_values=(1.0,), mean_file=MEAN).mean((3, 16, 24))
    with pytest.raises(DataError, match="3 x 16 x 24, the samples are 3 x 24 x 16"):
        Transform(mean_file=MEAN).mean((3, 24, 16))
    with pytest.raises(FileError):
        Transform(mean_file=str(tmp_path / "nothing")).mean((1, 2, 2))
    np.save(tmp_path / "objects.npy", np.array([{}]), allow_pickle=True)
    with pytest.raises(FileError, match="cannot be read"):
        Transform(mean_file=str(tmp_path / "objects.npy")).mean((1, 2, 2))


def test_numbers_that_are_too_large_are_told_by_nobody():  # warnings are errors here
    large = torch.full((2, 1, 4, 4), 3e38)
    assert Transform(scale=10.0).apply(large, training=False).isinf().all()
    assert Transform().apply(large.double() * 1e10, training=False).isinf().all()
