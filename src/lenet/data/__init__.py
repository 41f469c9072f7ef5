"""CATALOGUE 2: data sources, transforms and batches; importing this package registers all sources."""

from __future__ import annotations

from lenet.data.database import Database
from lenet.data.feed import Feed
from lenet.data.hdf5 import Hdf5
from lenet.data.idx import Idx
from lenet.data.image_list import ImageList
from lenet.data.labelled import LabelledMatrices, Part
from lenet.data.mnist import Mnist
from lenet.data.source import SOURCES, Reader, Source
from lenet.data.transforms import Transform

__all__ = [
    "SOURCES",
    "Database",
    "Feed",
    "Hdf5",
    "Idx",
    "ImageList",
    "LabelledMatrices",
    "Mnist",
    "Part",
    "Reader",
    "Source",
    "Transform",
]
