"""Fetching MNIST-like sets from their public places, checked, resumed where it broke off."""

from __future__ import annotations

import hashlib
import http.client
import re
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lenet import __version__
from lenet.errors import FileError, UsageError, Where, did_you_mean
from lenet.formats.files import file_error, whole_file

_CHUNK = 1 << 16
_TIMEOUT = 30  # seconds without a byte
_PARTIAL, _BEYOND = 206, 416  # answers to a request for a part of a file


@dataclass(frozen=True)
class PublicSet:
    """A data set: its files with their MD5, where they lie, and what to know about it.

    `inside` names the files of a zip archive that are kept, without their folder.
    """

    title: str
    files: dict[str, str]
    mirrors: tuple[str, ...]
    note: str = ""
    inside: tuple[str, ...] = ()


def _four_files(*md5: str) -> dict[str, str]:
    """MNIST's four names with their checksums."""
    names = (
        f"{part}-{kind}-ubyte.gz" for part in ("train", "t10k") for kind in ("images-idx3", "labels-idx1")
    )
    return dict(zip(names, md5, strict=True))


_EMNIST = ("balanced", "byclass", "bymerge", "digits", "letters", "mnist")

# The MD5 sums and addresses are those that torchvision publishes (torchvision/datasets/mnist.py); EMNIST's
# present address is NIST's own (nist.gov/itl/products-and-services/emnist-dataset).
SETS: dict[str, PublicSet] = {
    "mnist": PublicSet(
        "MNIST, handwritten digits (LeCun, Cortes, Burges)",
        _four_files(
            "f68b3c2dcbeaaa9fbdd348bbdeb94873",
            "d53e105ee54ea40749a09fcbcd1e9432",
            "9fb629c4189551a2d022fa330f9573f3",
            "ec29112dd5afa0611ce80d1b7f02629c",
        ),
        ("https://ossci-datasets.s3.amazonaws.com/mnist/", "http://yann.lecun.com/exdb/mnist/"),
        "the same images are built in: lenet data mnist DIR",
    ),
    "fashion-mnist": PublicSet(
        "Fashion-MNIST, clothes (Xiao, Rasul, Vollgraf)",
        _four_files(
            "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
            "25c81989df183df01b3e8a0aad5dffbe",
            "bef4ecab320f06d8554ea6380940ec79",
            "bb300cfdad3c16e7a12a480ee83cd310",
        ),
        ("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",),
    ),
    "kmnist": PublicSet(
        "Kuzushiji-MNIST, old Japanese characters (CODH)",
        _four_files(
            "bdb82020997e1d708af4cf47b453dcf7",
            "e144d726b3acfaa3e44228e80efcd344",
            "5c965bf0a639b31b8f53240b1b52f4d7",
            "7320c461ea6c1c855c0b718fb2a4b134",
        ),
        ("http://codh.rois.ac.jp/kmnist/dataset/kmnist/",),
    ),
    "emnist": PublicSet(
        "EMNIST, handwritten letters and digits (Cohen, Afshar, Tapson, van Schaik)",
        {"gzip.zip": "58c8d27c78d21e728a6bc7b3cc06412e"},
        ("https://biometrics.nist.gov/cs_links/EMNIST/",),
        "EMNIST's images lie on their side: rows and columns are exchanged",
        tuple(
            f"emnist-{split}-{part}-{kind}-ubyte.gz"
            for split in _EMNIST
            for part in ("train", "test")
            for kind in ("images-idx3", "labels-idx1")
        ),
    ),
}


def public_set(name: str) -> PublicSet:
    """The set of that name.

    Raises: UsageError that names the nearest one.
    """
    if name not in SETS:
        hint = did_you_mean(name, SETS) or f"known sets: {', '.join(SETS)}"
        raise UsageError(f"no data set '{name}' is known", hint=hint)
    return SETS[name]


def fetch(
    wanted: PublicSet, folder: Path, mirror: str = "", force: bool = False, say: Callable[[str], None] = print
) -> list[Path]:
    """Bring the files of a set into `folder`; returns their paths.

    Each is written to NAME.part, from where an earlier try broke off, and takes its name when its MD5 is
    right.  `mirror` is an address, with the files right below, to use instead of the set's own.

    Raises: FileError if a file cannot be had, is not the one that was published, or would replace
    another one without `force`.
    """
    kept = [folder / name for name in wanted.inside]
    if kept and not force and all(path.exists() for path in kept):
        say(f"{folder}: all {len(kept)} files are there already")
        return kept
    addresses = (mirror,) if mirror else wanted.mirrors
    paths = []
    for name, md5 in wanted.files.items():
        _fetch_file(
            [f"{address.rstrip('/')}/{name}" for address in addresses], folder / name, md5, force, say
        )
        paths.append(folder / name)
    return _unzip(paths[0], kept) if kept else paths


def _fetch_file(addresses: list[str], path: Path, md5: str, force: bool, say: Callable[[str], None]) -> None:
    if path.exists():
        if _md5(path) == md5:
            say(f"{path}: is there already, its checksum is right")
            return
        if not force:
            what = f"there is another file of this name already, its MD5 is not {md5}"
            raise FileError(what, Where(str(path)), "move it away, or use --force to replace it")
    for address in addresses:
        try:
            _fetch_from(address, path, md5)
        except FileError as error:
            if address == addresses[-1]:
                raise
            say(f"{error}\n  trying the next place")
        else:
            say(f"{path}: fetched from {address}, its checksum is right")
            return


def _fetch_from(address: str, path: Path, md5: str) -> None:
    """Fetch one file; a part that was there and turns out wrong is thrown away and fetched anew, once."""
    part = path.with_name(f"{path.name}.part")
    while True:
        start = part.stat().st_size if part.exists() else 0
        _download(address, part, start)
        found = _md5(part)
        if found == md5:
            break
        part.unlink()
        if not start:
            what = f"{address} is not the published file: its MD5 is {found}, not {md5}"
            raise FileError(what, Where(str(path)), "nothing was changed here; try another --mirror")
    part.replace(path)


def _download(address: str, part: Path, start: int) -> None:
    """Append to `part`, or write it anew where the server does not send parts."""
    headers = {"User-Agent": f"lenet/{__version__}", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    try:
        request = urllib.request.Request(address, headers=headers)
        with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:
            _save(answer, part, start if _goes_on(answer, start) else 0, address)
    except urllib.error.HTTPError as error:
        if error.code == _BEYOND and start:
            return  # all of it is there: the checksum tells whether it is right
        raise _unreachable(address, f"the server answers {error.code} {error.reason}") from None
    except urllib.error.URLError as error:
        raise _unreachable(address, f"no connection: {error.reason}") from None
    except (http.client.HTTPException, ValueError) as error:
        raise _unreachable(address, str(error) or type(error).__name__) from None
    except TimeoutError:
        raise _unreachable(address, f"no answer for {_TIMEOUT} seconds") from None
    except ConnectionError as error:
        raise _unreachable(address, f"the connection broke off: {error.strerror or error}") from None
    except OSError as error:
        raise file_error(error, part) from None


def _goes_on(answer: http.client.HTTPResponse, start: int) -> bool:
    """Whether the server sends the file from `start` on, not all of it."""
    first = re.match(r"bytes (\d+)-", answer.headers.get("Content-Range", ""))
    return answer.status == _PARTIAL and first is not None and int(first[1]) == start


def _save(answer: http.client.HTTPResponse, part: Path, start: int, address: str) -> None:
    from tqdm import tqdm

    length = answer.headers.get("Content-Length", "")
    total = start + int(length) if length.isdigit() else None
    part.parent.mkdir(parents=True, exist_ok=True)
    bar = tqdm(
        desc=part.stem, initial=start, total=total, unit="B", unit_scale=True, unit_divisor=1024, disable=None
    )
    with part.open("ab" if start else "wb") as file, bar:
        while chunk := answer.read(_CHUNK):
            file.write(chunk)
            bar.update(len(chunk))
        size = file.tell()
    if total is not None and size < total:
        raise FileError(
            f"{address} broke off after {size} of {total} bytes",
            Where(str(part)),
            "the same command goes on from there",
        )


def _unreachable(address: str, reason: str) -> FileError:
    return FileError(
        f"{address} cannot be fetched: {reason}",
        hint="check the network, or name another place: --mirror URL, with the files right below it",
    )


def _md5(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    except OSError as error:
        raise file_error(error, path) from None


def _unzip(archive: Path, wanted: list[Path]) -> list[Path]:
    """Write the wanted files of an archive, then remove it."""
    try:
        with zipfile.ZipFile(archive) as content:
            members = {Path(member).name: member for member in content.namelist()}
            for path in wanted:
                with content.open(members[path.name]) as source, whole_file(path) as target:
                    while chunk := source.read(_CHUNK):
                        target.write(chunk)
    except (zipfile.BadZipFile, KeyError, EOFError) as error:
        raise FileError(f"the archive lacks what it should hold: {error}", Where(str(archive))) from None
    with suppress(OSError):
        archive.unlink()
    return wanted
