"""Videos and cameras, through OpenCV: frames by time, the end, files that are none."""

import sys
import types
from functools import partial
from threading import Event, Semaphore

import numpy as np
import pytest
from spots import conf, places

from lenet.data import camera
from lenet.data.pictures import frames
from lenet.errors import FileError, MissingExtra

__all__ = ["conf"]  # a fixture
FRAMES, RATE = 6, 2.0


@pytest.fixture
def film(tmp_path):
    """Six frames at two a second; in frame n there is a spot whose left side is at 12 + 6 n."""
    cv2 = pytest.importorskip("cv2")
    path = tmp_path / "film.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), RATE, (64, 48))
    for number in range(FRAMES):
        frame = np.zeros((48, 64, 3), np.uint8)
        frame[16:22, 12 + 6 * number : 18 + 6 * number] = 255
        writer.write(frame)
    writer.release()
    return path


def test_frames_come_in_order_until_the_end(film):
    found = list(frames(str(film)))
    assert [picture.name for picture in found] == [f"film_{number:06d}" for number in range(FRAMES)]
    for number, picture in enumerate(found):
        assert picture.pixels.shape == (48, 64, 3)
        assert picture.pixels[19, 15 + 6 * number].min() > 200  # MJPG loses a little


def test_frames_by_time(film):
    between = [picture.name for picture in frames(str(film), seconds_between=1.0)]
    assert between == ["film_000000", "film_000002", "film_000004"]
    assert len(list(frames(str(film), seconds=1.5))) == 3


@pytest.fixture
def clock(monkeypatch):
    """Time that goes on only when the test says so, by as many images of the film."""

    class Clock:
        def __init__(self):
            self.waits, self.goes_on = Event(), Semaphore(0)

        def wait(self, _):
            self.waits.set()
            self.goes_on.acquire(timeout=60)

        def let(self, images):
            """Let so many images come, until the film waits for the next or is over."""
            for _ in range(images):
                assert self.waits.wait(30)
                self.waits.clear()
                self.goes_on.release()

    clock = Clock()
    running = partial(camera.Running, now=lambda: 0.0, wait=clock.wait)
    monkeypatch.setattr("lenet.data.pictures.Running", running)
    return clock


def test_a_live_video_drops_what_comes_while_nobody_asks(film, clock):
    pictures = frames(str(film), live=True)
    assert next(pictures).name == "film_000000"
    clock.let(3)
    assert clock.waits.wait(30)  # image 4 is on its way, 1 to 3 have come
    assert next(pictures).name == "film_000003"
    clock.let(2)
    assert next(pictures).name in ("film_000004", "film_000005")
    assert [picture.name for picture in pictures] in ([], ["film_000005"])


def test_a_live_video_on_the_command_line(lenet, conf, film, tmp_path, monkeypatch):
    running = partial(camera.Running, wait=lambda _: None)
    monkeypatch.setattr("lenet.data.pictures.Running", running)
    result = lenet("detect", conf, film, "--live", "--out", tmp_path / "out", "--figures", "0")
    assert result.code == 0, result.err
    assert "film_000005" in result.out  # the last is never dropped


def test_a_video_of_a_configuration(lenet, conf, film, tmp_path):
    given = [f"input_dir={film}", "camera=video", "input_video_sstep=1", "skip_frames=1"]
    words = [word for setting in given for word in ("--set", setting)]
    result = lenet("detect", conf, *words, "--out", tmp_path / "out", "--figures", "0")
    assert result.code == 0, result.err
    found = places(tmp_path / "out")
    assert [name for name, _, _ in found] == ["film_000002", "film_000004"]
    assert all(abs(left - 12 - 6 * number) <= 3 for number, (_, _, left) in zip((2, 4), found, strict=True))


def test_a_video_that_is_none_is_one_error(lenet, conf, film, tmp_path):
    (tmp_path / "bad.avi").write_bytes(b"no video at all" * 100)
    (tmp_path / "cut.avi").write_bytes(film.read_bytes()[:60])
    for name in ("bad.avi", "cut.avi", "gone.avi"):
        result = lenet("detect", conf, tmp_path / name, "--out", tmp_path / "out")
        assert result.code == 3
        assert result.err.count("error") == 1
        assert name in result.err
    result = lenet("detect", conf, tmp_path / "bad.avi", film, "--out", tmp_path / "out")
    assert result.code == 3
    assert "film_000005" in result.out


def test_opencv_itself_says_nothing(tmp_path, capfd):
    pytest.importorskip("cv2")
    (tmp_path / "bad.avi").write_bytes(b"no video at all" * 100)
    with pytest.raises(FileError, match="cannot be opened"):
        next(frames(str(tmp_path / "bad.avi")))
    assert not capfd.readouterr().err


def test_videos_need_opencv(monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(MissingExtra, match="opencv") as caught:
        next(frames("film.avi"))
    assert "lenet[video]" in str(caught.value)


def test_a_camera(lenet, conf, tmp_path, monkeypatch):
    """With a stand-in for one: three frames, blue first, then it is pulled out."""

    class Capture:
        def __init__(self, source):
            assert source == 2
            self.left = 3

        def isOpened(self):  # noqa: N802
            return True

        def get(self, _):
            return 0.0  # cameras may not know their rate

        def read(self):
            self.left -= 1
            return self.left >= 0, np.full((8, 8, 3), (1, 2, 3), np.uint8)

        def release(self):
            self.left = 0

    monkeypatch.setitem(sys.modules, "cv2", types.SimpleNamespace(VideoCapture=Capture))
    assert next(frames(2)).pixels[0, 0].tolist() == [3, 2, 1]
    given = ("--set", "camera=v4l2", "--set", "device=/dev/video2")
    result = lenet("detect", conf, *given, "--out", tmp_path / "out", "--figures", "0")
    assert result.code == 0, result.err
    assert "camera2_000002: 0 boxes" in result.out


def test_no_camera():
    pytest.importorskip("cv2")
    with pytest.raises(FileError, match="camera 77 cannot be opened"):
        next(frames(77))
