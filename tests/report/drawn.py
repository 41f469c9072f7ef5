"""What lies on a figure's board."""

from lenet.report.board import Frame, Tile, Words, board


def words_on(figure):
    """The lines of words: the title first, then what was written."""
    return [item.words for item in placed(figure, Words)]


def tiles_on(figure):
    """The pictures."""
    return placed(figure, Tile)


def frames_on(figure):
    """The frames."""
    return placed(figure, Frame)


def placed(figure, kind):
    """What is of a kind, in the order of drawing."""
    return [item for item in board(figure).items if isinstance(item, kind)]
