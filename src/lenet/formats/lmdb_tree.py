"""The B+ tree of an LMDB file, walked without trusting it.

The layout (64 bits, little-endian, data version 1) is that of LMDB's `mdb.c`: pages of one size; a page
starts with its number (8 bytes), 2 unused bytes, its flags and the bounds of its free space; then come
the offsets of its nodes.  Pages 0 and 1 are meta pages, the one with the larger transaction number
counts.  A value that does not fit a leaf has pages of its own.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

from lenet.errors import FileError, Where

_MAGIC = 0xBEEFC0DE
_VERSION = 1
_PAGE = struct.Struct("<QHHHH")  # number, unused, flags, lower and upper bound of the free space
_OVERFLOW_COUNT = struct.Struct("<I")  # instead of the bounds: how many pages a value has
_META = struct.Struct("<IIQQ 48x IHHQQQQQ QQ")  # magic .. map size, (free tree), main tree, last page, number
_PAGE_SIZE = struct.Struct("<I")  # the first field of the free tree
_META_AT, _PAGE_SIZE_AT, _OVERFLOW_COUNT_AT = 16, 40, 12
_NODE = struct.Struct("<HHHH")  # value size low and high (or page number low, middle, high), flags, key size
_PAGE_NUMBER = struct.Struct("<Q")
_BRANCH, _LEAF, _OVERFLOW, _KINDS = 0x01, 0x02, 0x04, 0x2F
_BIG = 0x01  # flag of a node; the others are of trees inside the tree
_DUPLICATES = 0x04  # flag of a tree
_NO_PAGE = 2**64 - 1
_DEEPEST = 32  # as LMDB's own cursors


@dataclass(frozen=True)
class _Meta:
    """What a meta page says."""

    page_size: int
    flags: int
    depth: int
    leaf_pages: int
    entries: int
    root: int
    last_page: int
    transaction: int


class Tree:
    """The main tree of a mapped LMDB file.

    Raises: FileError if it is no LMDB file, truncated, or of a kind that Caffe never writes; the
    methods raise it where a page is not what the tree says.
    """

    def __init__(self, content: mmap.mmap, where: Where) -> None:
        self._content = content
        self.where = where
        self._meta = self._newest_meta()
        wanted = (self._meta.last_page + 1) * self._meta.page_size
        if len(content) < wanted:
            raise self._truncated(wanted)
        if self._meta.flags & _DUPLICATES:
            raise FileError("LMDB databases with several values per key are not supported", where)

    @property
    def entries(self) -> int:
        """The number of records."""
        return self._meta.entries

    @cached_property
    def leaves(self) -> tuple[list[int], list[int]]:
        """The leaf pages in key order, and how many records there are up to the end of each."""
        pages = [] if self._meta.root == _NO_PAGE else [self._meta.root]
        for _ in range(self._meta.depth - 1):
            pages = [child for page in pages for child in self._children(page)]
            if len(pages) > self._meta.leaf_pages:
                raise self._damaged(f"more than {self._meta.leaf_pages} leaf pages")
        ends = list(accumulate(self._node_count(page, _LEAF) for page in pages))
        found = ends[-1] if ends else 0
        if found != self.entries:
            raise self._damaged(f"{found} records instead of {self.entries}")
        return pages, ends

    def read(self, page: int, first: int = 0, stop: int | None = None) -> Iterator[tuple[bytes, bytes]]:
        """Keys and values of the records `first` to `stop` of a page of `leaves`."""
        page_size, unpack = self._meta.page_size, _NODE.unpack_from
        content = self._content[page * page_size : (page + 1) * page_size]
        for node in self._nodes(page, content)[first:stop]:
            low, high, flags, key_size = unpack(content, node)
            value_at = node + _NODE.size + key_size
            size = low | high << 16
            key = content[node + _NODE.size : value_at]
            if flags:
                yield key, self._big_value(content, value_at, flags, size)
            elif value_at + size <= page_size:
                yield key, content[value_at : value_at + size]
            else:
                raise self._damaged(f"a record of page {page} reaches beyond it")

    def _nodes(self, page: int, content: bytes) -> list[int]:
        """Where the nodes of a checked page start in its content."""
        lower = _PAGE.unpack_from(content)[3]
        offsets = struct.unpack_from(f"<{(lower - _PAGE.size) // 2}H", content, _PAGE.size)
        if offsets and not lower <= min(offsets) <= max(offsets) <= self._meta.page_size - _NODE.size:
            raise self._damaged(f"a record of page {page} lies outside of it")
        return list(offsets)

    def _newest_meta(self) -> _Meta:
        first = self._read_meta(0)
        if len(self._content) < 2 * first.page_size:
            raise self._truncated(2 * first.page_size)
        second = self._read_meta(first.page_size)
        return max(first, second, key=lambda meta: meta.transaction)

    def _read_meta(self, start: int) -> _Meta:
        if len(self._content) < start + _META_AT + _META.size:
            hint = "give the directory of a database"
            raise FileError(f"{len(self._content)} bytes are no LMDB database", self.where, hint)
        fields = _META.unpack_from(self._content, start + _META_AT)
        magic, version, _, _, _, flags, depth, _, leaves, _, entries, root, last, transaction = fields
        (page_size,) = _PAGE_SIZE.unpack_from(self._content, start + _PAGE_SIZE_AT)
        carry = "the machine that made it can carry it over with mdb_dump, this one with mdb_load"
        if magic != _MAGIC:
            what = "this is no LMDB database, or one of a 32-bit or big-endian machine"
            raise FileError(what, self.where, carry)
        if version != _VERSION:
            raise FileError(f"LMDB data version {version} is not known, only {_VERSION}", self.where, carry)
        if not 256 <= page_size <= 65536 or page_size & (page_size - 1) or depth > _DEEPEST:
            raise self._damaged(f"pages of {page_size} bytes, a tree of depth {depth}")
        return _Meta(page_size, flags, depth, leaves, entries, root, last, transaction)

    def _children(self, page: int) -> list[int]:
        self._node_count(page, _BRANCH)
        content = self._content[page * self._meta.page_size : (page + 1) * self._meta.page_size]
        nodes = (_NODE.unpack_from(content, node) for node in self._nodes(page, content))
        return [low | middle << 16 | high << 32 for low, middle, high, _ in nodes]

    def _node_count(self, page: int, kind: int) -> int:
        """The number of nodes of a page that must be of this kind; checks the page's head."""
        flags, lower = self._page_head(page)
        if flags & _KINDS != kind or not _PAGE.size <= lower <= self._meta.page_size:
            raise self._damaged(f"page {page} is not what the tree says")
        return (lower - _PAGE.size) // 2

    def _page_head(self, page: int) -> tuple[int, int]:
        if page > self._meta.last_page:
            raise self._damaged(f"page {page} of {self._meta.last_page + 1}")
        number, _, flags, lower, _ = _PAGE.unpack_from(self._content, page * self._meta.page_size)
        if number != page:
            raise self._damaged(f"page {page} is not what the tree says")
        return flags, lower

    def _big_value(self, content: bytes, number_at: int, node_flags: int, size: int) -> bytes:
        """A value that has pages of its own; the number of the first stands in the leaf."""
        if node_flags != _BIG:
            raise FileError("LMDB databases inside a database are not supported", self.where)
        if number_at + _PAGE_NUMBER.size > len(content):
            raise self._damaged("a record reaches beyond its page")
        (page,) = _PAGE_NUMBER.unpack_from(content, number_at)
        flags, _ = self._page_head(page)
        start = page * self._meta.page_size
        (pages,) = _OVERFLOW_COUNT.unpack_from(self._content, start + _OVERFLOW_COUNT_AT)
        fits = _PAGE.size + size <= pages * self._meta.page_size and page + pages <= self._meta.last_page + 1
        if not flags & _OVERFLOW or not fits:
            raise self._damaged(f"page {page} is not what the tree says")
        return self._content[start + _PAGE.size : start + _PAGE.size + size]

    def _truncated(self, wanted: int) -> FileError:
        return FileError(
            f"the LMDB database is truncated: {len(self._content)} bytes of {wanted}",
            self.where,
            "the copy or the conversion that made it did not finish: make it anew",
        )

    def _damaged(self, what: str) -> FileError:
        return FileError(f"the LMDB database is damaged: {what}", self.where, "copy it or make it anew")
