"""Training without some of the training samples, which are then tested with: to choose settings by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from lenet.data.feed import Feed
from lenet.data.labelled import Part
from lenet.data.source import Source
from lenet.errors import DescriptionError, UsageError
from lenet.job import Job, Test
from lenet.net import Net, State


def job_with_held_out(job: Job, number: int) -> Job:
    """The job, trained without the last `number` samples of its training data and tested with those.

    The test data are not read.  What tests do to images stays as their data layer says it.

    Raises: UsageError if so many cannot be held out; DescriptionError if no data layer of one source
    tells what is held out.
    """
    source = _training_source(job)
    reader = source.open()
    try:
        samples = len(reader)
    finally:
        reader.close()
    if not 0 < number < samples:
        raise UsageError(f"{number:,} of {samples:,} training samples cannot be held out")
    first = samples - number
    net = _with_feeds(job.net, job.state, lambda feed: replace(feed, source=Part(source, first)))
    tests = tuple(_test(test, Part(source, number, first=first), number) for test in job.tests)
    return replace(job, net=net, tests=tests)


def _training_source(job: Job) -> Source:
    feeds = [node.kind for node in job.net.select(job.state).nodes if isinstance(node.kind, Feed)]
    if len(feeds) != 1:
        message = f"samples are held out of one data layer, there are {len(feeds)}"
        raise DescriptionError(message, job.net.where)
    return feeds[0].source


def _test(test: Test, held_out: Source, number: int) -> Test:
    """The test on what is held out: all of it, once."""
    feeds = [node.kind for node in test.net.select(test.state).nodes if isinstance(node.kind, Feed)]
    batches = max((-(-number // feed.batch) for feed in feeds), default=0)
    net = _with_feeds(test.net, test.state, lambda feed: replace(feed, source=held_out))
    return replace(test, net=net, batches=batches)


def _with_feeds(net: Net, state: State, change: Callable[[Feed], Feed]) -> Net:
    """The network with other data layers where they are there under `state`."""
    nodes = (
        replace(node, kind=change(node.kind)) if isinstance(node.kind, Feed) and node.present(state) else node
        for node in net.nodes
    )
    return replace(net, nodes=tuple(nodes))
