"""Which worker runs which test (`-n 2 --dist loadgroup`). Loaded by tests/conftest.py.

The tests of a file stay together: what a module sets up is set up once. The first worker begins with the browser, whose
hub and Chromium keep more than one processor busy, file by file; the others begin with the longest of the rest. Who is
done first goes on with what is left of either, the short files last, so that nobody waits long at the end.

(pytest-xdist 3.8 puts its groups into node ids in a way that pytest 9.2 no longer looks at: its own `loadgroup` hands
out single tests, and two hubs and two Chromiums ran beside each other for half the suite.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xdist.scheduler import LoadScopeScheduling

if TYPE_CHECKING:
    from xdist.workermanage import WorkerController

BROWSER = "tests/browser/"
LONG = (
    "tests/fault/",
    "tests/transcription/",
    "tests/access/",
    "tests/integration/",
    "tests/enrich/",
    "tests/channels/",
)
"""Folders of long files, the longest last; the files of others are short."""


def rank(path: str) -> int:
    """Where a file stands in the queue: the browser in front, short files in the middle, long ones at the end."""
    if path.startswith(BROWSER):
        return -1
    return next((place for place, folder in enumerate(reversed(LONG), 1) if path.startswith(folder)), 0)


class FromBothEnds(LoadScopeScheduling):
    """The queue of files: the first worker takes from the front, every other from the end."""

    def _split_scope(self, nodeid: str) -> str:
        return nodeid.partition("::")[0]

    def schedule(self) -> None:
        """As the parent does, in our order."""
        if self.collection is None:
            for nodes in self.registered_collections.values():
                self._order = {path: place for place, path in enumerate(ordered(nodes))}
        super().schedule()

    def _assign_work_unit(self, node: WorkerController) -> None:
        self._sort()
        if node is not self.nodes[0]:
            self.workqueue.move_to_end(next(reversed(self.workqueue)), last=False)
        super()._assign_work_unit(node)

    def _sort(self) -> None:
        for path in sorted(self.workqueue, key=self._order.__getitem__):
            self.workqueue.move_to_end(path)


def ordered(nodeids: list[str]) -> list[str]:
    """The files of the tests as they stand in the queue; of one folder the files with many tests nearer to its end."""
    counts: dict[str, int] = {}
    for nodeid in nodeids:
        path = nodeid.partition("::")[0]
        counts[path] = counts.get(path, 0) + 1
    return sorted(counts, key=lambda path: (rank(path), counts[path] if rank(path) >= 0 else -counts[path], path))
