"""Where the steps of a training are computed: on one device, all of this machine, or those of several workers.

Keras' optimisers sum gradients over replicas, and its losses divide by their number. So a step is that of one device on
the joint batch, but for rounding and for dropout, whose masks are drawn for each part of a batch. Imports TensorFlow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from multidigit.errors import MultidigitError
from multidigit.settings import TrainSettings
from multidigit.training.workers import Cluster, Others

Batch = tuple[NDArray[Any], NDArray[Any]]
_STOPPED = 60
"""Seconds after which TensorFlow gives up an exchange between workers that has begun."""


class Devices:
    """The devices that share each batch of a training.

    Attributes:
        workers: processes that train together.
        worker: the number of this one, from 0.
        replicas: devices of all workers.
    """

    def __init__(self, strategy: tf.distribute.Strategy, cluster: Cluster | None = None, others: Others | None = None):
        self._strategy, self._others = strategy, others
        self.workers = len(cluster.addresses) if cluster else 1
        self.worker = cluster.worker if cluster else 0
        self.replicas = int(strategy.num_replicas_in_sync)

    @property
    def chief(self) -> bool:
        """Whether this process is the one that writes."""
        return self.worker == 0

    @contextmanager
    def building(self) -> Iterator[None]:
        """Models that are made within the block have their weights on all devices."""
        with self._strategy.scope():
            yield

    def synchronise(self, model: keras.Model) -> None:
        """Have batch normalisation take its statistics from the joint batch."""
        for layer in model.layers:
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.synchronized = self.replicas > 1

    def summed(self, replica_step: Callable[..., Any]) -> Callable[..., Any]:
        """A step of all devices, each with its part of a batch: the sum of what ``replica_step`` gives on each."""

        # On two processor cores jit_compile halves the speed.
        @tf.function(jit_compile=False, reduce_retracing=True)  # type: ignore[untyped-decorator]
        def step(*parts: Any) -> Any:
            return self._strategy.reduce("SUM", self._strategy.run(replica_step, parts), axis=None)

        return step

    def parts(self, array: NDArray[Any]) -> Any:
        """What this process' devices are given of its own part of a batch: equal parts."""
        local = self.replicas // self.workers
        if local == 1:
            return array
        pieces = np.split(array, local)
        return self._strategy.experimental_distribute_values_from_function(
            lambda context: tf.constant(pieces[context.replica_id_in_sync_group - self.worker * local])
        )

    def from_chief(self, data: bytes) -> bytes:
        """What the chief gives here, in every worker; all workers must ask."""
        if self.workers == 1:
            return data
        # As sums to which the others add zeros: all devices can add floats, and those of bytes are exact.
        mine = np.frombuffer(data if self.chief else b"", np.uint8).astype(np.float32)
        (size,) = self._sum(np.array([len(mine)], np.float32))
        return self._sum(mine if self.chief else np.zeros(int(size), np.float32)).astype(np.uint8).tobytes()

    def lost(self) -> MultidigitError | None:
        """The error to raise where something has failed because another worker has ended, if one has."""
        return self._others.lost() if self._others else None

    def _sum(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        summed: NDArray[np.float32] = self._strategy.reduce("SUM", tf.constant(values), axis=None).numpy()
        return summed


def devices_for(train: TrainSettings, cluster: Cluster | None = None, others: Others | None = None) -> Devices:
    """The devices of a training.

    Raises:
        MultidigitError: their number does not divide the batch.
    """
    gpus = tf.config.list_physical_devices("GPU")
    if cluster:
        if train.devices == 1:
            tf.config.set_visible_devices(gpus[:1], "GPU")
        devices = Devices(_of_workers(), cluster, others)
    else:
        kind = "GPU" if gpus else "CPU"
        names = tuple(device.name for device in tf.config.list_logical_devices(kind)) if train.devices == "all" else ()
        devices = Devices(_mirrored(names) if len(names) > 1 else tf.distribute.get_strategy())
    batch_size, replicas = train.batch_size or 1, devices.replicas
    if batch_size % replicas:
        raise MultidigitError(
            f"train.batch_size must be a multiple of {replicas}, the number of devices that share each batch; received "
            f"{batch_size}; set it to {batch_size + -batch_size % replicas}"
        )
    return devices


@cache
def _mirrored(names: tuple[str, ...]) -> tf.distribute.Strategy:
    # One for all trainings of a process: TensorFlow numbers exchanges anew in each, and takes two for the same.
    return tf.distribute.MirroredStrategy(list(names))


@cache
def _of_workers() -> tf.distribute.Strategy:
    # It reads TF_CONFIG itself.
    options = tf.distribute.experimental.CommunicationOptions(timeout_seconds=_STOPPED)
    return tf.distribute.MultiWorkerMirroredStrategy(communication_options=options)
