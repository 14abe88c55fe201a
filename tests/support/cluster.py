"""Several RabbitMQ nodes of one's own as one cluster, on one machine.

    with Cluster(agents=("so-y-te",), size=3) as cluster:
        cluster.nodes[0].kill()
        cluster.nodes[1].hub_url

A cluster of one is a private node. Users and exchanges are there after `start`; queues are declared by whoever uses
them, once all nodes are in: a quorum queue has its members where the nodes are when it is declared.
"""

import json
import os
import shutil
import signal
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tests.support.broker import BrokerDidNotStart, Guarded, PrivateBroker

FORMATION: Final = """\
cluster_formation.peer_discovery_backend = classic_config
cluster_formation.randomized_startup_delay_range.min = 0
cluster_formation.randomized_startup_delay_range.max = 1
cluster_partition_handling = pause_minority
"""
RUNNING: Final = "length(rabbit_mnesia:cluster_nodes(running))."


class ClusterNode(PrivateBroker):
    """One node. epmd and cookie are its cluster's."""

    def __init__(self, cluster: "Cluster", *, folder: Path) -> None:
        super().__init__(agents=cluster.agents, folder=folder)
        self._cluster = cluster

    @property
    def name(self) -> str:
        return f"truc{self.port}@localhost"

    @property
    def running(self) -> bool:
        return self._node is not None and self._node.process.poll() is None

    def start(self) -> None:
        self._epmd = self._cluster.epmd()
        self._epmd_port = self._cluster.epmd_port
        super().start()

    def stop(self) -> None:
        """The node alone; epmd ends with the cluster."""
        self.halt()

    def _prepare(self) -> None:
        home = self.folder / "home"
        home.mkdir(parents=True, exist_ok=True)
        cookie = home / ".erlang.cookie"
        if not cookie.exists():
            cookie.write_text(self._cluster.cookie, encoding="ascii")
            cookie.chmod(0o400)
        super()._prepare()
        if len(self._cluster.nodes) == 1:
            return
        peers = enumerate(self._cluster.nodes, 1)
        named = "".join(f"cluster_formation.classic_config.nodes.{place} = {node.name}\n" for place, node in peers)
        with (self.folder / "rabbitmq.conf").open("a", encoding="utf-8") as file:
            file.write(FORMATION + named)
        path = self.folder / "definitions.json"
        document = json.loads(path.read_text(encoding="utf-8"))
        path.write_text(json.dumps({**document, "queues": [], "bindings": []}), encoding="utf-8")


class Cluster:
    """`size` nodes. `folder` is kept when given, else removed."""

    def __init__(self, *, agents: Iterable[str] = (), size: int = 3, folder: Path | None = None) -> None:
        self.agents = tuple(agents)
        self._own_folder = folder is None
        self.folder = Path(tempfile.mkdtemp(prefix="truc-cluster-")) if folder is None else folder
        self.folder.mkdir(parents=True, exist_ok=True)
        self.cookie = os.urandom(16).hex()
        self.nodes: list[ClusterNode] = []
        for number in range(1, size + 1):
            self.nodes.append(ClusterNode(self, folder=self.folder / f"node-{number}"))
        self.epmd_port = self.nodes[0]._epmd_port
        self._epmd: Guarded | None = None

    def epmd(self) -> Guarded:
        """The names server of all nodes, started when it does not run."""
        if self._epmd is None or self._epmd.process.poll() is not None:
            node = self.nodes[0]
            command = ["epmd", "-port", str(self.epmd_port), "-address", "127.0.0.1"]
            log = self.folder / "epmd.log"
            self._epmd = Guarded(command, environment=node._environment(), folder=self.folder, log=log)
        return self._epmd

    def start(self) -> None:
        """Returns when every node takes connections and knows the others."""
        self.epmd()
        with ThreadPoolExecutor(len(self.nodes)) as threads:
            list(threads.map(ClusterNode.start, self.nodes))
        if len(self.nodes) > 1:
            for node in self.nodes:
                if (there := node.evaluate(RUNNING).strip()) != str(len(self.nodes)):
                    raise BrokerDidNotStart(f"{node.name} sees {there} of {len(self.nodes)} nodes")

    def ports(self) -> list[int]:
        """Of the nodes that run."""
        return [node.port for node in self.nodes if node.running]

    def close(self) -> None:
        for node in self.nodes:
            node._end_node(signal.SIGKILL)
        if self._epmd is not None:
            self._epmd.end(signal.SIGTERM)
        if self._own_folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()
