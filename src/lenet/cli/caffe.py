"""`lenet caffe ...`: Caffe's own command lines, word for word, and those of its old tools."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from importlib import import_module
from typing import cast

from lenet import __version__
from lenet.cli import run_verb
from lenet.cli.messages import telling
from lenet.dialects.caffe.command import ALL_FLAGS, COMMANDS, FlagError, Line, read_command
from lenet.dialects.caffe.tools import TOOLS, read_tool, setting, switched_on, tool_name
from lenet.errors import Notes

HELP = ("help", "h", "helpfull", "helpshort")
CAFFE_VERSION = "1.0.0"  # the one whose words and numbers these are


def add_arguments(parser: ArgumentParser) -> None:
    """None: the words are Caffe's, taken apart by its own rules."""


def run(args: Namespace) -> int:
    """Do what `caffe WORDS...` does; `args.words` may start with the name of another tool.

    Raises: FlagError (exit code 1) for a wrong line, LenetError for the rest.
    """
    words: list[str] = args.words
    option = words[0].lstrip("-") if words and words[0].startswith("-") else ""
    if not words or option in HELP:
        print(usage())
        return 0
    if option == "version":
        print(f"caffe version {CAFFE_VERSION} (lenet {__version__})")
        return 0
    tool = tool_name(words[0])
    if tool and not TOOLS[tool].script and any(_asks_help(word) for word in words[1:]):
        print(tool_usage(tool))
        return 0
    with telling() as notes:
        line = read_tool(tool, words[1:], notes) if tool else read_command(words, notes)
        device = _device(line, notes) if "gpu" in line.flags else ""
    return _DOERS[line.command](line, device)


def _asks_help(word: str) -> bool:
    return word.startswith("-") and word.lstrip("-") in HELP


def tool_usage(name: str) -> str:
    """What a tool says with `--help`: its words and its own flags."""
    tool = TOOLS[name]
    flags = [f"  -{key:<13}  {flag.help} ({flag.default or 'none'})" for key, flag in tool.flags.items()]
    return "\n".join([f"usage: {name} {tool.usage}", *flags])


def usage() -> str:
    """What `caffe` without words says."""
    commands = [f"  {name:<14}  {command.help}" for name, command in COMMANDS.items()]
    flags = [f"  -{name:<13}  {flag.help} ({flag.default or 'none'})" for name, flag in ALL_FLAGS.items()]
    tools = [f"  {name:<28}  {tool.usage}" for name, tool in TOOLS.items()]
    parts = {
        "usage": ["  caffe <command> <args>"],
        "commands": commands,
        "flags, with one dash or two, -flag value or -flag=value (default)": flags,
        "other tools, also with .bin at the end": tools,
    }
    return "\n\n".join("\n".join([f"{title}:", *lines]) for title, lines in parts.items())


def _device(line: Line, notes: Notes) -> str:
    """The device that -gpu asks for, in our words; Caffe trains on several GPUs, this on the first."""
    given = line.get("gpu")
    first, *others = given.split(",")
    if given == "all":
        return "gpu:0"
    if not all(index.strip().isdecimal() for index in (first, *others)):
        reason = f"flag -gpu takes numbers separated by commas, or all, not '{given}'"
        raise FlagError(reason, hint="without it the solver's file says where it runs")
    if others and line.command not in ("device_query", "train"):
        notes.inform(f"one GPU is used, number {first}: only training uses several, as in Caffe")
    return f"gpu:{first.strip()}"


def _train(line: Line, device: str) -> int:
    from lenet.cli.arguments import gpus_of
    from lenet.cli.train import Options, train

    gpus = gpus_of(line.get("gpu")) if line.get("gpu") else ()
    return train(
        Options(
            file=line.get("solver"),
            weights=line.get("weights"),
            snapshot=line.get("snapshot"),
            device=device if len(gpus) < 2 else "",
            gpus=gpus if len(gpus) > 1 else (),
            level=int(line.get("level")),
            stages=tuple(filter(None, line.get("stage").split(","))),
            log_style="caffe",
            allow_python=line.on("allow_python"),
            effects={"SIGINT": line.get("sigint_effect"), "SIGHUP": line.get("sighup_effect")},  # type: ignore[dict-item]
            runs="",
        )
    )


def _test(line: Line, device: str) -> int:
    return run_verb("test", [line.get("model"), "--weights", line.get("weights"), *_shared(line, device)])


def _time(line: Line, device: str) -> int:
    phase = line.get("phase").lower() or "train"
    return run_verb("time", [line.get("model"), "--phase", phase, *_shared(line, device)])


def _shared(line: Line, device: str) -> list[str]:
    """What test and time have in common.

    Raises: FlagError for less than no iterations, which Caffe takes for none.
    """
    if int(line.get("iterations")) < 0:
        raise FlagError(f"-iterations is {line.get('iterations')}", hint="0 or more")
    words = [
        "--iterations",
        line.get("iterations"),
        "--level",
        line.get("level"),
        "--stage",
        line.get("stage"),
    ]
    allowed = ["--allow-python"] if line.on("allow_python") else []
    return [*words, *allowed, "--device", device or "cpu", "--log-style", "caffe"]


def _device_query(line: Line, device: str) -> int:
    import torch

    given = line.get("gpu")
    print(f"Querying GPUs {given}", file=sys.stderr)
    count = torch.cuda.device_count()
    asked = range(count) if given in ("", "all") else [int(index) for index in given.split(",")]
    for index in asked:
        if index >= count:
            raise FlagError(f"there is no GPU {index}", hint=f"there are {count} here")
        print("\n".join(_properties(index)))
    if not count:
        print(f"no GPUs here; networks run on the CPU with {torch.get_num_threads()} threads")
    return 0


def _properties(index: int) -> list[str]:
    """What is known of a GPU, under Caffe's names."""
    import torch

    found = torch.cuda.get_device_properties(index)
    facts = {
        "Device id": index,
        "Major revision number": found.major,
        "Minor revision number": found.minor,
        "Name": found.name,
        "Total global memory": found.total_memory,
        "Warp size": getattr(found, "warp_size", "unknown"),
        "Number of multiprocessors": found.multi_processor_count,
    }
    return [f"{name + ':':30} {value}" for name, value in facts.items()]


def _upgrade(line: Line, device: str) -> int:
    source, target = line.words
    return run_verb("convert", [source, target, "--form", line.flags["form"], "--force"])


def _convert_mnist_data(line: Line, device: str) -> int:
    force = ["--force"] if switched_on(line, "force") else []
    return run_verb("data", ["convert", *line.words, "--backend", setting(line, "backend"), *force])


def _in(module: str) -> Callable[[Line, str], int]:
    """A tool that has a file of its own, imported only when it runs."""
    return lambda line, device: cast(int, import_module(module).run(line, device))


_DOERS: dict[str, Callable[[Line, str], int]] = {
    "train": _train,
    "test": _test,
    "time": _time,
    "device_query": _device_query,
    "upgrade": _upgrade,
    "convert_mnist_data": _convert_mnist_data,
    "convert_mnist_siamese_data": _in("lenet.cli.caffe_siamese"),
    "convert_cifar_data": _in("lenet.cli.caffe_cifar"),
    "convert_imageset": _in("lenet.cli.caffe_imageset"),
    "compute_image_mean": _in("lenet.cli.caffe_mean"),
    "extract_features": _in("lenet.cli.caffe_features"),
    "classification": _in("lenet.cli.caffe_classification"),
    "classify.py": _in("lenet.cli.caffe_classify"),
    "detect.py": _in("lenet.cli.caffe_detect"),
    "draw_net.py": _in("lenet.cli.caffe_draw"),
    "parse_log.py": _in("lenet.cli.caffe_logs"),
    "plot_training_log.py.example": _in("lenet.cli.caffe_logs"),
    "summarize.py": _in("lenet.cli.caffe_logs"),
    "make-deploy": _in("lenet.cli.caffe_make_deploy"),
}
