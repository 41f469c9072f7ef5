"""`lenet caffe`: Caffe's flags and those of its old tools mean what they meant."""

from pathlib import Path

import pytest

from lenet.cli.caffe import usage
from lenet.dialects.caffe.command import COMMANDS, FLAGS, FlagError, Line, read_command
from lenet.dialects.caffe.net import read_net
from lenet.dialects.caffe.tools import TOOLS, read_tool, tool_name
from lenet.errors import Notes

EXAMPLES = Path(__file__).parents[2] / "examples" / "caffe-lenet"
GOLDEN = Path(__file__).parents[3] / "shared" / "golden" / "caffe"

# What `caffe` without words prints as the defaults of its flags (recorded).
DEFAULTS = {
    "gpu": "",
    "iterations": "50",
    "level": "0",
    "model": "",
    "phase": "",
    "sighup_effect": "snapshot",
    "sigint_effect": "stop",
    "snapshot": "",
    "solver": "",
    "stage": "",
    "weights": "",
}


def test_flags_have_caffes_defaults():
    assert {name: flag.default for name, flag in FLAGS.items()} == DEFAULTS
    assert {name: Line().get(name) for name in FLAGS} == DEFAULTS


@pytest.mark.parametrize(
    "words",
    [
        "train -solver s.prototxt -gpu 0",
        "train --solver s.prototxt --gpu 0",
        "train -solver=s.prototxt -gpu=0",
        "train --solver=s.prototxt --gpu=0",
        "-gpu 0 train --solver s.prototxt",
        "-gpu 1 --gpu=0 -solver=s.prototxt -- train",
    ],
)
def test_every_way_to_write_a_flag(words):
    assert read_command(words.split(), Notes()) == Line("train", {"solver": "s.prototxt", "gpu": "0"})


def test_a_value_may_be_empty_or_negative():
    line = read_command(["train", "-solver=s", "-gpu=", "-level", "-1"], Notes())
    assert (line.get("gpu"), line.get("level")) == ("", "-1")


def test_flags_for_logs_are_taken_and_told():
    notes = Notes()
    words = ["train", "-logtostderr", "--log_dir", "/tmp", "-v=2", "-noalsologtostderr", "-solver=s"]
    assert read_command(words, notes) == Line("train", {"solver": "s"})
    assert [note.message.split()[1] for note in notes] == [
        "-logtostderr",
        "-log_dir",
        "-v",
        "-noalsologtostderr",
    ]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("train -sovler=x", "unknown flag '-sovler'\n  hint: did you mean 'solver'?"),
        ("train", "caffe train needs -solver"),
        ("train -solver", "flag -solver needs a value"),
        ("train -solver=", "caffe train needs -solver"),
        ("test -model=m", "caffe test needs -weights"),
        ("test -weights=w", "caffe test needs -model"),
        ("time", "caffe time needs -model"),
        ("time -model=m -iterations=many", "flag -iterations needs a whole number, not 'many'"),
        ("time -model=m -phase=train", "flag -phase is TRAIN or TEST, not 'train'"),
        ("train -solver=s -sigint_effect=die", "flag -sigint_effect is snapshot or stop or none, not 'die'"),
        ("train -solver=s -snapshot=a -weights=b", "-snapshot and -weights exclude each other"),
        ("train -solver=s -gpu=one", "flag -gpu takes numbers"),
        ("frobnicate", "caffe has no command 'frobnicate'"),
        ("trian -solver=s", "did you mean 'train'?"),
        ("train_net", "train_net takes 1 to 2 words, not 0\n  hint: usage: train_net SOLVER [STATE]"),
        ("train_net.bin -gpu 0 s", "unknown flag '-gpu'"),
        ("test_net net w many", "flag -iterations needs a whole number, not 'many'"),
        ("test_net net w 100 TPU", "'TPU' is neither CPU nor GPU"),
        ("upgrade_net_proto_text in", "takes 2 words, not 1\n  hint: usage: upgrade_net_proto_text IN OUT"),
        ("convert_mnist_data a b c -backend=csv", "flag -backend is lmdb or leveldb, not 'csv'"),
    ],
)
def test_wrong_lines_leave_with_1_as_caffes_tools_do(words, message, lenet):
    result = lenet("caffe", *words.split())
    assert result.code == FlagError.exit_code == 1
    assert message in result.err
    assert result.err.startswith("lenet: error: ")


def test_words_that_nobody_reads_are_told():
    notes = Notes()
    read_command(["train", "more", "-solver=s"], notes)
    assert [note.message for note in notes] == ["'more' is not read: caffe train takes flags only"]


def test_without_words_the_usage(lenet):
    for words in ((), ("--help",), ("-help",)):
        result = lenet("caffe", *words)
        assert (result.code, result.out) == (0, usage() + "\n")
    assert all(f"-{name} " in usage() for name in FLAGS)
    assert all(f"  {name} " in usage() for name in (*COMMANDS, *TOOLS))


def test_version(lenet):
    assert lenet("caffe", "--version").out.startswith("caffe version 1.0.0")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("train_net s", Line("train", {"solver": "s"})),
        ("train_net.bin s lenet_iter_5000", Line("train", {"solver": "s", "snapshot": "lenet_iter_5000"})),
        ("finetune_net.bin s w", Line("train", {"solver": "s", "weights": "w"})),
        ("test_net.bin n w 100", Line("test", {"model": "n", "weights": "w", "iterations": "100"})),
        ("test_net.bin n w 9 CPU", Line("test", {"model": "n", "weights": "w", "iterations": "9"})),
        ("test_net n w 9 GPU 2", Line("test", {"model": "n", "weights": "w", "iterations": "9", "gpu": "2"})),
        ("net_speed_benchmark.bin n", Line("time", {"model": "n"})),
        ("net_speed_benchmark n 10 GPU", Line("time", {"model": "n", "iterations": "10", "gpu": "0"})),
        ("device_query.bin 1", Line("device_query", {"gpu": "1"})),
        ("convert_mnist_data.bin i l d --backend=leveldb",
         Line("convert_mnist_data", {"backend": "leveldb"}, ["i", "l", "d"])),
    ],
)  # fmt: skip
def test_the_tools_of_2014_are_lines_of_today(words, line):
    name, *rest = words.split()
    assert read_tool(tool_name(name), rest, Notes()) == line


@pytest.mark.parametrize("tool", ["upgrade_net_proto_text", "upgrade_net_proto_binary.bin"])
def test_upgrade_net_writes_v2_over_what_is_there(tool, lenet, tmp_path):
    source, target = EXAMPLES / "lenet_train_v0.prototxt", tmp_path / "upgraded"
    target.write_text("old")
    result = lenet("caffe", tool, source, target)
    assert result.code == 0
    assert read_net(target, Notes()).nodes == read_net(source, Notes()).nodes
    assert (b"\0" in target.read_bytes()) == ("binary" in tool)


def test_upgrade_solver(lenet, tmp_path):
    source, target = tmp_path / "old", tmp_path / "new"
    source.write_text('net: "n"\nbase_lr: 0.1\nlr_policy: "fixed"\nsolver_type: NESTEROV\n')
    assert lenet("caffe", "upgrade_solver_proto_text", source, target).code == 0
    assert 'type: "Nesterov"' in target.read_text()


@pytest.mark.parametrize("name", ["images", "labels"])
@pytest.mark.parametrize("part", [0, 0.01, 0.5])
def test_truncated_idx_files(name, part, lenet, tmp_path, idx_files):
    broken = tmp_path / f"broken-{name}"
    broken.write_bytes(idx_files[name].read_bytes()[: int(part * idx_files[name].stat().st_size)])
    files = {**idx_files, name: broken}
    result = lenet("caffe", "convert_mnist_data", *files.values(), tmp_path / "db")
    assert result.code == 3
    assert str(broken) in result.err
    assert not (tmp_path / "db").exists()


def test_convert_mnist_data(lenet, tmp_path, idx_files):
    database = tmp_path / "mnist_lmdb"
    result = lenet("caffe", "convert_mnist_data.bin", *idx_files.values(), database, "--backend=lmdb")
    assert result.code == 0, result.err
    from lenet.data.database import Database

    reader = Database(str(database), "lmdb").open()
    assert len(reader) == 20
    assert [reader.key(index) for index in (0, 19)] == ["00000000", "00000019"]
    assert int(reader.read(3)[1]) == 3
    reader.close()
    again = lenet("caffe", "convert_mnist_data", *idx_files.values(), database)
    assert again.code == 3
    assert str(database) in again.err


def test_device_query(lenet):
    import torch

    result = lenet("caffe", "device_query")
    assert result.code == 0
    assert result.out
    if not torch.cuda.is_available():
        refused = lenet("caffe", "device_query", "-gpu", "0")
        assert refused.code == 1
        assert "there is no GPU 0" in refused.err


def test_time_speaks_caffes_lines(lenet, small_net):
    result = lenet("caffe", "time", f"--model={small_net}", "-iterations", "2")
    assert result.code == 0, result.err
    for text in (
        "caffe.cpp:343] Use CPU.",
        "*** Benchmark begins ***",
        "Testing for 2 iterations.",
        "conv1\tforward: ",
        "conv1\tbackward: ",
        "Average Forward pass: ",
        "Average Forward-Backward: ",
        "*** Benchmark ends ***",
    ):
        assert text in result.err


@pytest.mark.skipif(not GOLDEN.is_dir(), reason="Caffe's recorded outputs are not beside this checkout")
def test_recorded_commands_and_flags_are_all_there():
    recorded = (GOLDEN / "text" / "caffe_noargs.txt").read_text()
    assert all(f"    -{name} (" in recorded for name in FLAGS)
    assert recorded.count("\n    -") == len(FLAGS)
    assert all(f"  {name} " in recorded for name in COMMANDS)
