"""Cameras, and films that run: images that come while nobody asks are dropped."""

from threading import Event

import numpy as np
import pytest

from lenet.data.camera import NewestImages, Running


class FilmedNumbers:
    """Gives images of their number as fast as they are taken, waits after some, then ends or fails."""

    def __init__(self, stops, last, error=None):
        self.stops = {stop: (Event(), Event()) for stop in stops}  # reached, may go on
        self.last, self.error, self.number = last, error, -1

    def read(self):
        self.number += 1
        if self.number in self.stops:
            reached, may_go_on = self.stops[self.number]
            reached.set()
            may_go_on.wait()
        if self.number > self.last:
            if self.error:
                raise self.error
            return False, None
        return True, np.full((2, 2, 3), self.number, np.uint8)


def test_the_newest_image_is_given_and_older_ones_are_dropped():
    film = FilmedNumbers(stops=[4, 9], last=20)
    images = NewestImages(film)
    given = []
    for reached, may_go_on in film.stops.values():
        reached.wait()
        given.append(images.next())
        may_go_on.set()
    given.append(images.next())
    while newest := images.next():
        given.append(newest)
    images.close()
    numbers = [number for number, _ in given]
    assert numbers[:2] == [3, 8]
    assert numbers[-1] == 20
    assert numbers == sorted(set(numbers))
    assert all((image == number).all() for number, image in given)


def test_an_error_of_the_camera_is_raised_where_an_image_is_asked_for():
    images = NewestImages(FilmedNumbers(stops=[], last=-1, error=OSError("unplugged")))
    with pytest.raises(OSError, match="unplugged"):
        images.next()
    images.close()


def test_a_film_that_runs_gives_no_image_before_its_time():
    time, waited = [100.0], []

    def wait(seconds):
        waited.append(seconds)
        time[0] += seconds

    film = Running(FilmedNumbers(stops=[], last=3), 4.0, lambda: time[0], wait)
    assert film.read()[0]
    assert not waited
    film.read()
    time[0] += 0.35  # longer than an image lasts: the next is late, the one after it waits for its time
    film.read()
    film.read()
    assert waited == pytest.approx([0.25, 0.15])
    assert not film.read()[0]
