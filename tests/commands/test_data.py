"""`lenet data`: what it writes, fetches and shows, and what it refuses."""

import hashlib
import re
import subprocess
import sys
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from lenet.__main__ import main
from lenet.data import fetch, mnist
from lenet.data.database import write_database
from lenet.data.mnist import FILES
from lenet.formats.idx import read_idx, write_idx
from lenet.formats.image import read_image
from lenet.formats.leveldb import LevelDbReader
from lenet.formats.lmdb import LmdbReader

ORACLE = Path(__file__).parents[1] / "oracle" / "caffe" / "formats"
IMAGES, LABELS = str(ORACLE / "mnist20-images"), str(ORACLE / "mnist20-labels")
USAGE, FILE, DATA = 2, 3, 6  # exit codes


def run(capsys, *words):
    """Exit code, what was printed, what was said on stderr."""
    code = main(["data", *map(str, words)])
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    return code, out, err


def names(folder):
    return sorted(entry.name for entry in folder.iterdir())


@pytest.fixture
def small_mnist(monkeypatch):
    """The built-in MNIST with its first 20 samples only, which are Caffe's 20 for the test part."""
    arrays = {part: tuple(array[:20] for array in mnist.mnist_arrays("test")) for part in ("train", "test")}
    monkeypatch.setattr(mnist, "mnist_arrays", arrays.__getitem__)


def test_mnist_writes_the_four_files(capsys, tmp_path):
    folder = tmp_path / "new" / "mnist"
    assert run(capsys, "mnist", folder)[0] == 0
    assert names(folder) == sorted(FILES)
    for name, file in FILES.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == file.sha256
    code, _, err = run(capsys, "mnist", folder)
    assert (code, "exists already" in err, "--force" in err) == (FILE, True, True)


def test_an_existing_file_is_refused_before_any_is_written(capsys, tmp_path):
    (tmp_path / "t10k-labels-idx1-ubyte").write_text("mine")
    assert run(capsys, "mnist", tmp_path)[0] == FILE
    assert names(tmp_path) == ["t10k-labels-idx1-ubyte"]


@pytest.mark.parametrize(("backend", "reader"), [("lmdb", LmdbReader), ("leveldb", LevelDbReader)])
def test_lmdb_writes_caffes_databases(capsys, tmp_path, small_mnist, backend, reader):
    if backend == "leveldb":
        pytest.importorskip("plyvel")
    assert run(capsys, "lmdb", tmp_path, "--backend", backend)[0] == 0
    assert names(tmp_path) == [f"mnist_test_{backend}", f"mnist_train_{backend}"]
    with reader(tmp_path / f"mnist_test_{backend}") as ours, reader(ORACLE / f"mnist20_{backend}") as caffes:
        assert list(ours.records()) == list(caffes.records())
    assert run(capsys, "lmdb", tmp_path, "--backend", backend)[0] == FILE
    assert run(capsys, "lmdb", tmp_path, "--backend", backend, "--force")[0] == 0


def test_all_of_mnist_as_lmdb(capsys, tmp_path):
    code, out, _ = run(capsys, "lmdb", tmp_path)
    assert code == 0
    assert "60,000 records" in out
    with LmdbReader(tmp_path / "mnist_train_lmdb") as database:
        keys = [key for key, _ in database.records()]
        assert keys == [b"%08d" % index for index in range(60000)]
        images, labels = mnist.mnist_arrays("train")
        _, value = database.record(59999)
        assert value[:9] == bytes.fromhex("0801101c181c229006")
        assert value[9:] == images[59999].tobytes() + bytes([0x28, labels[59999]])


def test_convert(capsys, tmp_path):
    database = tmp_path / "database"
    assert run(capsys, "convert", IMAGES, LABELS, database)[0] == 0
    with LmdbReader(database) as ours, LmdbReader(ORACLE / "mnist20_lmdb") as caffes:
        assert list(ours.records()) == list(caffes.records())
    code, _, err = run(capsys, "convert", LABELS, IMAGES, tmp_path / "other")
    assert (code, "wrong order" in err) == (DATA, True)
    assert run(capsys, "convert", IMAGES, tmp_path / "nothing", tmp_path / "other")[0] == FILE
    assert names(tmp_path) == ["database"]


def test_force_replaces_databases_only(capsys, tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.tex").write_text("precious")
    assert run(capsys, "convert", IMAGES, LABELS, tmp_path / "home", "--force")[0] == FILE
    assert (tmp_path / "home" / "thesis.tex").read_text() == "precious"


@pytest.mark.skipif(sys.platform == "win32", reason="no limit of file sizes there")
@pytest.mark.parametrize("backend", ["lmdb", "leveldb"])
def test_a_full_disk_leaves_nothing(tmp_path, backend):
    """A limit of the file size stands for the full disk: the same error path of the writer."""
    if backend == "leveldb":
        pytest.importorskip("plyvel")
    code = (
        "import resource, signal, sys; from lenet.__main__ import main;"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000));"
        f"sys.exit(main(['data', 'convert', {IMAGES!r}, {LABELS!r}, 'database', '--backend', '{backend}']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == FILE, done.stderr
    assert "cannot write" in done.stderr
    assert "Traceback" not in done.stderr
    assert names(tmp_path) == []


@pytest.mark.parametrize("name", ["mnist20_lmdb", "mnist20_leveldb", "mnist20-images"])
def test_ls_and_head_of_everything(capsys, name):
    if "leveldb" in name:
        pytest.importorskip("plyvel")
    code, out, _ = run(capsys, "ls", ORACLE / name)
    assert code == 0
    assert "records  20" in out
    assert "1 x 28 x 28, uint8" in out
    code, out, _ = run(capsys, "head", ORACLE / name, "-n", 3)
    assert code == 0
    assert "1 x 28 x 28" in out
    assert re.findall(r"\d{8}", out) == ["00000000", "00000001", "00000002"]
    assert max(map(len, out.splitlines())) <= 80


def test_ls_counts_labels(capsys):
    _, out, _ = run(capsys, "ls", ORACLE / "mnist20_lmdb")
    counts = dict(re.findall(r"^ +(\d+) +(\d+)", out, re.MULTILINE))
    expected = np.bincount(read_idx(LABELS), minlength=10)
    assert counts == {str(label): str(count) for label, count in enumerate(expected) if count}


def test_ls_of_an_idx_file_finds_the_labels_beside_it(capsys, tmp_path):
    write_idx(tmp_path / "t-images-idx3-ubyte", np.zeros((3, 4, 4), "u1"))
    assert "label" not in run(capsys, "ls", tmp_path / "t-images-idx3-ubyte")[1]
    write_idx(tmp_path / "t-labels-idx1-ubyte", np.array([5, 5, 2], "u1"))
    assert "5        2  66.7 %" in run(capsys, "ls", tmp_path / "t-images-idx3-ubyte")[1]
    assert "label 5" in run(capsys, "head", tmp_path / "t-images-idx3-ubyte")[1]
    assert "5        2  66.7 %" in run(capsys, "ls", tmp_path / "t-labels-idx1-ubyte")[1]


def test_ls_of_the_built_in_set(capsys, small_mnist):
    assert "10.0 %" in run(capsys, "ls", "mnist:test")[1]
    assert run(capsys, "head", "mnist:train", "-n", 1)[0] == 0


def test_head_draws_the_digit(capsys):
    _, out, _ = run(capsys, "head", ORACLE / "mnist20_lmdb", "-n", 1)
    assert out.splitlines()[0] == "00000000  label 7"
    assert "@" in out


@pytest.mark.parametrize("array", [np.arange(6.0).reshape(2, 3), np.arange(5, dtype="i4")])
def test_head_of_numbers(capsys, tmp_path, array):
    write_idx(tmp_path / "numbers", array)
    code, out, _ = run(capsys, "head", tmp_path / "numbers")
    assert code == 0
    assert " ".join(f"{value:g}" for value in np.atleast_1d(array[1])) in out


@pytest.mark.parametrize("source", ["mnist20_lmdb", "mnist20-images"])
def test_export(capsys, tmp_path, source):
    folder = tmp_path / "png"
    assert run(capsys, "export", ORACLE / source, folder, "-n", 11)[0] == 0
    labels = [f"_{label}" for label in read_idx(LABELS)] if "lmdb" in source else [""] * 20
    assert names(folder) == [f"{index:02d}{labels[index]}.png" for index in range(11)]
    np.testing.assert_array_equal(read_image(folder / f"10{labels[10]}.png"), read_idx(IMAGES)[10])
    code, _, err = run(capsys, "export", ORACLE / source, folder)
    assert (code, "exists already" in err) == (FILE, True)
    (folder / "mine.txt").write_text("mine")
    assert run(capsys, "export", ORACLE / source, folder, "--force")[0] == 0
    assert len(names(folder)) == 21


def test_exported_colours_are_red_green_blue(capsys, tmp_path):
    blue_green_red = np.array([1, 2, 3], "u1").reshape(3, 1, 1) * np.ones((2, 2), "u1")
    floats = np.array([-1, 0, 1], "f4").reshape(3, 1, 1) * np.ones((2, 2), "f4")
    for name, image in (("bytes", blue_green_red), ("floats", floats)):
        write_database(str(tmp_path / name), "lmdb", [(image, 4)])
        assert run(capsys, "export", tmp_path / name, tmp_path / f"{name}_png")[0] == 0
    assert read_image(tmp_path / "bytes_png" / "0_4.png")[0, 0].tolist() == [3, 2, 1]
    assert read_image(tmp_path / "floats_png" / "0_4.png")[0, 0].tolist() == [255, 128, 0]


def test_what_is_no_image_is_not_exported(capsys, tmp_path):
    write_idx(tmp_path / "numbers", np.zeros((3, 5), "u1"))
    assert run(capsys, "export", tmp_path / "numbers", tmp_path / "png")[0] == DATA
    assert names(tmp_path) == ["numbers"]


@pytest.mark.parametrize("work", ["ls", "head", "export"])
@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("nothing", FILE, "no such file"),
        ("mnist:tran", USAGE, "did you mean 'mnist:train'"),
        ("empty", FILE, "neither data.mdb"),
        ("text", FILE, "neither a database nor an idx file"),
        ("cut", FILE, "truncated"),
    ],
)
def test_what_cannot_be_looked_into(capsys, tmp_path, monkeypatch, work, name, code, said):
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    Path("text").write_text("some text")
    Path("cut").write_bytes(Path(IMAGES).read_bytes()[:-1])
    found, _, err = run(capsys, work, name, *(["png"] if work == "export" else []))
    assert (found, said in err) == (code, True), err
    assert names(tmp_path) == ["cut", "empty", "text"]


def test_words_that_are_missing_or_wrong(capsys):
    assert run(capsys)[0] == USAGE
    assert run(capsys, "lmdb")[0] == USAGE
    assert run(capsys, "head", "mnist:test", "-n", "0")[0] == USAGE
    assert run(capsys, "--help")[0] == 0
    assert run(capsys, "ls", "--help")[0] == 0


class Server:
    """A web server on this machine with files in memory; it can send parts, or break off."""

    def __init__(self):
        self.files = {}
        self.asked = []  # (path, Range)
        self.sends_parts = True
        self.breaks_off_after = None

        class Handler(BaseHTTPRequestHandler):
            def do_GET(handler):  # noqa: N805 the library's name; `self` is the server here
                self._answer(handler)

            def log_message(handler, *_): ...  # noqa: N805

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def _answer(self, handler):
        wanted = handler.headers.get("Range", "")
        self.asked.append((handler.path, wanted))
        content = self.files.get(handler.path.lstrip("/"))
        if content is None:
            handler.send_error(404)
            return
        start = int(wanted[6:-1]) if wanted and self.sends_parts else 0
        if start and start >= len(content):
            handler.send_error(416)
            return
        handler.send_response(206 if start else 200)
        if start:
            handler.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        handler.send_header("Content-Length", str(len(content) - start))
        handler.end_headers()
        stop = len(content) if self.breaks_off_after is None else start + self.breaks_off_after
        handler.wfile.write(content[start:stop])

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def server(monkeypatch):
    """A server with the two files of a set called "tiny"."""
    monkeypatch.setenv("no_proxy", "*")
    running = Server()
    random_number = np.random.default_rng(0)
    running.files = {name: random_number.bytes(300_000) for name in ("images.gz", "labels.gz")}
    sums = {name: hashlib.md5(content).hexdigest() for name, content in running.files.items()}
    monkeypatch.setitem(fetch.SETS, "tiny", fetch.PublicSet("tiny", sums, (running.address + "/",)))
    yield running
    running.close()


def fetched(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_fetch(capsys, tmp_path, monkeypatch, server):
    monkeypatch.chdir(tmp_path)
    code, out, _ = run(capsys, "fetch", "tiny")
    assert code == 0
    assert fetched(tmp_path / "tiny") == server.files
    assert "lenet data convert" in out
    asked = len(server.asked)
    code, out, _ = run(capsys, "fetch", "tiny")
    assert (code, out.count("is there already"), len(server.asked)) == (0, 2, asked)


def test_fetch_goes_on_where_it_broke_off(capsys, tmp_path, server):
    server.breaks_off_after = 100_000
    code, _, err = run(capsys, "fetch", "tiny", tmp_path)
    assert (code, "broke off after 100000 of 300000 bytes" in err) == (FILE, True), err
    assert names(tmp_path) == ["images.gz.part"]
    server.breaks_off_after = None
    assert run(capsys, "fetch", "tiny", tmp_path)[0] == 0
    assert server.asked[1] == ("/images.gz", "bytes=100000-")
    assert fetched(tmp_path) == server.files


@pytest.mark.parametrize("part", ["first half", "all of it", "another file's", "too long"])
@pytest.mark.parametrize("sends_parts", [True, False])
def test_fetch_with_any_part_of_before(capsys, tmp_path, server, part, sends_parts):
    content = server.files["images.gz"]
    (tmp_path / "images.gz.part").write_bytes(
        {
            "first half": content[:150_000],
            "all of it": content,
            "another file's": b"x" * 150_000,
            "too long": content + b"x",
        }[part]
    )
    server.sends_parts = sends_parts
    assert run(capsys, "fetch", "tiny", tmp_path)[0] == 0
    assert fetched(tmp_path) == server.files


def test_a_wrong_checksum_removes_nothing(capsys, tmp_path, server):
    (tmp_path / "images.gz").write_bytes(b"mine")
    code, _, err = run(capsys, "fetch", "tiny", tmp_path)
    assert (code, "another file of this name" in err) == (FILE, True)
    good, server.files["images.gz"] = server.files["images.gz"], b"something else"
    code, _, err = run(capsys, "fetch", "tiny", tmp_path, "--force")
    assert (code, "not the published file" in err) == (FILE, True), err
    assert fetched(tmp_path) == {"images.gz": b"mine"}
    server.files["images.gz"] = good
    assert run(capsys, "fetch", "tiny", tmp_path, "--force")[0] == 0
    assert fetched(tmp_path) == server.files


def test_not_found_and_no_connection(capsys, tmp_path, server):
    folder = tmp_path / "folder"
    code, _, err = run(capsys, "fetch", "tiny", folder, "--mirror", server.address + "/elsewhere")
    assert (code, "404" in err, "--mirror URL" in err) == (FILE, True, True)
    for mirror in ("http://127.0.0.1:9", "nonsense", "http://127.0.0.1:port"):
        code, _, err = run(capsys, "fetch", "tiny", folder, "--mirror", mirror)
        assert (code, "cannot be fetched" in err) == (FILE, True), err
    assert names(tmp_path) == []


def test_the_next_mirror_is_tried(capsys, tmp_path, server, monkeypatch):
    tiny = fetch.SETS["tiny"]
    mirrors = (server.address + "/gone/", *tiny.mirrors)
    monkeypatch.setitem(fetch.SETS, "tiny", fetch.PublicSet(tiny.title, tiny.files, mirrors))
    code, out, _ = run(capsys, "fetch", "tiny", tmp_path)
    assert (code, "trying the next place" in out) == (0, True)
    assert fetched(tmp_path) == server.files


@pytest.mark.parametrize("complete", [True, False])
def test_the_wanted_files_of_an_archive(capsys, tmp_path, server, monkeypatch, complete):
    kept = ("a-images.gz", "a-labels.gz") if complete else ("a-images.gz", "missing-labels.gz")
    archive = tmp_path / "made.zip"
    with zipfile.ZipFile(archive, "w") as made:
        for name in ("gzip/a-images.gz", "gzip/a-labels.gz", "gzip/../../outside", "gzip/readme"):
            made.writestr(name, name)
    server.files["gzip.zip"] = archive.read_bytes()
    md5 = hashlib.md5(archive.read_bytes()).hexdigest()
    boxed = fetch.PublicSet("boxed", {"gzip.zip": md5}, (server.address,), "a note", kept)
    monkeypatch.setitem(fetch.SETS, "boxed", boxed)
    folder = tmp_path / "folder"
    code, out, err = run(capsys, "fetch", "boxed", folder)
    if not complete:
        assert (code, "missing-labels.gz" in err) == (FILE, True)
        return
    assert (code, "a note" in out) == (0, True)
    assert fetched(folder) == {"a-images.gz": b"gzip/a-images.gz", "a-labels.gz": b"gzip/a-labels.gz"}
    assert "there already" in run(capsys, "fetch", "boxed", folder)[1]


def test_known_sets(capsys):
    assert list(fetch.SETS)[:4] == ["mnist", "fashion-mnist", "kmnist", "emnist"]
    for known in fetch.SETS.values():
        assert all(re.fullmatch("[0-9a-f]{32}", md5) for md5 in known.files.values())
    code, _, err = run(capsys, "fetch", "fashon-mnist")
    assert (code, "did you mean 'fashion-mnist'" in err) == (USAGE, True)
