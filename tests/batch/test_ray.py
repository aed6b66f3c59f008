"""A list on a Ray cluster of several nodes, one of which goes down: every job is done exactly once."""

from __future__ import annotations

import sys
import threading
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from pixgen.batch import ray_engine, run
from pixgen.batch.tuning import TuningOptions
from pixgen.errors import PixgenError

from .conftest import Lists, Watched

ray = pytest.importorskip("ray")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="Ray's clusters for tests do not run on Windows"),
    # Ray forgets sockets, subprocesses and old calls of its own; none of them is pixgen's.
    pytest.mark.filterwarnings("ignore"),
]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A head without CPUs for work, and two nodes with one each."""
    from ray.cluster_utils import Cluster

    with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
        warnings.simplefilter("ignore")
        # Ray makes its workers give way to everything (niceness 15), which on a busy machine takes minutes.
        patch.setenv("RAY_worker_niceness", "0")
        made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
        yield made
        ray.shutdown()
        made.shutdown()


def test_a_node_dies_and_every_job_is_done_once(cluster: Any, lists: Lists) -> None:
    nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
    cluster.wait_for_nodes()
    jobs = lists.jobs("".join(f"fox {i}\n" for i in range(24)), losses={"t": {"type": "trouble", "seconds": 0.1}})
    written = Counter[str]()
    fall = threading.Event()

    class Watching(Watched):
        def drawn(self, record: Any, picture: Any, seconds: float) -> None:
            super().drawn(record, picture, seconds)
            written[record.file] += 1
            if len(self.paths) == 6:
                fall.set()

    def crash() -> None:
        fall.wait(120)
        cluster.remove_node(nodes[0], allow_graceful=False)

    crashing = threading.Thread(target=crash)
    crashing.start()
    watched = Watching()
    engine = lambda: ray_engine.Cluster(cluster.address, ["held_out"], [str(lists.plugin)])  # noqa: E731
    counts = run.draw(lists.out, jobs, engine, watched, tuning_options=TuningOptions(workers=2, threads=1))
    crashing.join()
    assert fall.is_set()
    assert counts == {"pending": 0, "draft": 0, "done": 24, "failed": 0}
    assert len(written) == 24 and set(written.values()) == {1}
    assert len(lists.pictures()) == 24 and not watched.reasons
    assert max(record.attempts for record in lists.records()) == 2  # what the node had in hand
    # The pictures are those of one process.
    lists.draw(jobs, lists.folder / "here", tuning_options=TuningOptions(threads=1, workers=1))
    assert lists.pictures() == lists.pictures(lists.folder / "here")
    cluster.remove_node(nodes[1])


def test_without_a_living_worker_it_fails_fast(cluster: Any, lists: Lists, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_engine, "PATIENCE", 3.0)
    engine = lambda: ray_engine.Cluster(cluster.address)  # noqa: E731
    began = time.monotonic()
    with pytest.raises(PixgenError, match="no Ray worker became ready"):
        run.draw(lists.out, lists.jobs("a\n"), engine, Watched(), tuning_options=TuningOptions(workers=1, threads=1))
    assert time.monotonic() - began < 100
    assert not lists.pictures()
