"""The table of EBLearn's variables: complete, consistent, and found by name."""

import re
from pathlib import Path

import pytest

from lenet.dialects.eblearn.variable import KINDS
from lenet.dialects.eblearn.variables import PARAMETERS, TOPICS, VARIABLES, find, names_for, type_of
from lenet.dialects.eblearn.variables_modules import MODULES
from lenet.errors import NOWHERE, Notes, did_you_mean
from lenet.formats.conf import read_conf
from lenet.formats.conf_resolve import resolve
from lenet.formats.conf_types import Reading

SHARED = Path(__file__).parents[3].parent / "shared"
ROWS = [row for rows in TOPICS.values() for row in rows]
TABLES = {**TOPICS, **PARAMETERS}
#: every type that EBLearn makes, by the description of its factory
TYPES = """
    conv convl addc linear linear_replicable sparse_linear diag subs subsl maxss avg_pyramid wavgpool
    l1pool l2pool l4pool l6pool l8pool l10pool l12pool l14pool l16pool l32pool l64pool lppool tanh stdsig relu
    abs back copy printer sshrink lshrink tshrink wstd cnorm snorm dnorm zpad mirrorpad resize resizepp
    rgb_to_ypuv rgb_to_ynuv rgb_to_yp rgb_to_yn rgb_to_yuvp rgb_to_yuvn rgb_to_ypuvp rgb_to_ynuvn
    rgb_to_ypupvp rgb_to_ynunvn rgb_to_rgbp rgb_to_rgbn y_to_yp y_to_yn rgb_to_yuv y_to_y rgb_to_y rgb_to_rgb
    lpyramid jitter dropout merge narrow table interlace mschan ms msc lua
"""
READERS = {
    "whole number": Reading.integer,
    "number": Reading.number,
    "switch": Reading.boolean,
    "character": Reading.character,
    "sizes": Reading.dims,
    "list of sizes": Reading.dims_list,
    "list of factors": Reading.factors_list,
    "whole numbers": Reading.integers,
    "numbers": Reading.numbers,
    "groups": Reading.integer_lists,
}


def test_names_are_unique():
    assert len(ROWS) == len(VARIABLES)
    for type, rows in PARAMETERS.items():
        names = [row.name for row in rows]
        assert len(names) == len(set(names)), type


@pytest.mark.parametrize("table", TABLES)
def test_rows_are_complete(table):
    for row in TABLES[table]:
        assert row.kind in KINDS, row
        assert row.meaning, row
        assert not row.meaning.endswith("."), row
        assert not (row.required and row.default), f"what is required has no default: {row}"
        assert re.fullmatch(r"[a-z][a-z0-9_]*\*?", row.name)
        assert row.tools or not row.effect, row


@pytest.mark.parametrize("table", TABLES)
def test_defaults_are_of_their_kind(table):
    for row in TABLES[table]:
        if row.default and not row.default.startswith("(") and row.kind in READERS:
            notes = Notes()
            READERS[row.kind](Reading(row.name, NOWHERE, notes), row.default)
            assert not list(notes)


def test_every_type_of_module_is_described():
    assert set(TYPES.split()) == MODULES.keys()


@pytest.mark.parametrize("type", PARAMETERS)
def test_parameters_are_found_by_name(type):
    for row in PARAMETERS[type]:
        for digits in ("", "0", "12"):
            assert find(f"{type}{digits}_{row.name.replace('*', '7')}") == row


@pytest.mark.parametrize(
    ("name", "meaning"),
    [
        ("conv0_table_in", "without a table"),
        ("linear_replicable3_in", "inputs; thickness"),
        ("rgb_to_ypuv0_kernel", "neighbourhood of the normalisation"),
        ("l2pool3_stride", "step between"),
        ("ms2_pipe0", "modules of a branch"),
        ("class_answer_confidence", "by distance"),
        ("trainable_module1_energy", "l2_energy"),
        ("l4pool22_energy", "an energy of the module's outputs"),
        ("eta", "learning rate"),
        ("meta_max_jobs", "runs at the same time"),
    ],
)
def test_names_of_real_configurations_are_found(name, meaning):
    assert meaning in find(name).meaning


@pytest.mark.parametrize(
    "name", ["annea_period", "conv0_kernels", "foo", "conv_0_kernel", "subs1_in", "conv0"]
)
def test_other_names_are_not_found(name):
    assert find(name) is None


def test_mistyped_names_are_hinted_at():
    names = names_for(["conv0", "class_answer", "my_module"])
    assert "'anneal_period'" in did_you_mean("annea_period", names)
    assert did_you_mean("conv0_kernal", names).startswith("did you mean 'conv0_kernel'")
    assert "threshold" not in names, "what is not read is not proposed"


def test_types_are_names_without_their_last_digits():
    assert [type_of(name) for name in ("conv051", "rgb_to_y0", "l16pool2", "tanh")] == [
        "conv",
        "rgb_to_y",
        "l16pool",
        "tanh",
    ]


def test_what_a_shipped_configuration_defines_is_known():
    """Of mnist.conf every variable is read, referred to, or stands for a choice not taken."""
    path = SHARED / "models" / "eblearn" / "demos" / "mnist" / "mnist.conf"
    if not path.exists():
        pytest.skip("EBLearn's configurations are not part of the repository")
    conf = read_conf(path, Notes())
    referred = {
        name for names in resolve(conf, Notes(), environment={}).references.values() for name in names
    }
    unknown = {name for name in conf.values if not find(name)} - referred
    assert all(re.match(r"(arch|classifier|f6|norm|pp)", name) for name in unknown), unknown
