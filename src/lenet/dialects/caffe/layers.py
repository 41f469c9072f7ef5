"""How Caffe spells layers: one row of :data:`SPELLINGS` per type, read and written from the same data."""

from __future__ import annotations

from collections.abc import Mapping

from lenet.dialects.caffe.feed_spelling import DataSpelling
from lenet.dialects.caffe.feeds import FEED_SPELLINGS
from lenet.dialects.caffe.layer_spelling import Spelling
from lenet.dialects.caffe.layers_answers import ANSWER_SPELLINGS
from lenet.dialects.caffe.layers_arrange import ARRANGE_SPELLINGS
from lenet.dialects.caffe.layers_forks import FORK_SPELLINGS, READ_ONLY_SPELLINGS
from lenet.dialects.caffe.layers_numbers import NUMBER_SPELLINGS
from lenet.dialects.caffe.layers_windows import WINDOW_SPELLINGS
from lenet.dialects.caffe.spelling import place
from lenet.dialects.caffe.window_feed import WINDOW_SPELLING
from lenet.errors import Notes, did_you_mean
from lenet.formats.message import Message
from lenet.net import Kind

LAYER_SPELLINGS = (
    *WINDOW_SPELLINGS,
    *NUMBER_SPELLINGS,
    *ARRANGE_SPELLINGS,
    *ANSWER_SPELLINGS,
    *FORK_SPELLINGS,
)

#: every type of layer that can be read, run and written, by Caffe's word for it
SPELLINGS: Mapping[str, Spelling | DataSpelling] = {
    spelling.word: spelling for spelling in (*FEED_SPELLINGS, WINDOW_SPELLING, *LAYER_SPELLINGS)
}

#: types that are read as others, by forks' words for them
_READ: Mapping[str, Spelling | DataSpelling] = {
    **SPELLINGS,
    **{spelling.word: spelling for spelling in READ_ONLY_SPELLINGS},
}

#: words that older files use for a type, without underscores and case
_OLDER = {"softmaxloss": "SoftmaxWithLoss", "conv": "Convolution", "pool": "Pooling"}
_LOWER = {name.lower(): name for name in _READ} | _OLDER


def spelling_of(layer: Message, notes: Notes) -> Spelling | DataSpelling | None:
    """The row for a layer's type, None if there is none; another case or an older name gets a warning."""
    type, name = str(layer.get("type", "")), layer.get("name", "")
    if type in _READ:
        return _READ[type]
    meant = _LOWER.get(type.lower().replace("_", ""))
    if meant:
        notes.warn(f"layer '{name}': type '{type}' is read as '{meant}'", place(layer, "type"))
        return _READ[meant]
    if type == "Python":
        if not notes.allow_python:
            reason = f"layer '{name}': its Python code runs with --allow-python only"
            notes.inform(reason, place(layer, "type"))
        return None
    hint = did_you_mean(type, _READ)
    reason = f"layer '{name}': type '{type}' is unknown: it is kept as it is, but cannot run"
    notes.warn(reason, place(layer, "type"), hint)
    return None


def spelling_for(kind: Kind) -> Spelling | DataSpelling | None:
    """The row that writes such a layer, None if Caffe has no such layer."""
    return next((spelling for spelling in SPELLINGS.values() if spelling.speaks_for(kind)), None)


def parameter_names(type: str, count: int) -> tuple[str, ...]:
    """The names of a layer's blobs, "0", "1", ... where the type has no names for them.

    >>> parameter_names("Convolution", 1), parameter_names("Python", 2)
    (('weight',), ('0', '1'))
    """
    spelling = _READ.get(type)
    names = spelling.parameters if spelling else ()
    return names[:count] if count <= len(names) else tuple(str(index) for index in range(count))
