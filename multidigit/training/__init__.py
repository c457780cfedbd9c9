"""Training: one network, from settings to a run folder.

| file | holds |
|---|---|
| here | ``train``, step by step |
| ``loop`` | batches, steps, and the callbacks around them |
| ``devices`` | the devices that share each batch |
| ``workers`` | the processes that train one network together |
| ``state`` | how far training has come: steps, time, history, best weights |
| ``checkpoints`` | what a training needs to go on after its process was killed |
| ``start`` | the weights of another run to begin with |
| ``schedule`` | the learning rate over the course of training |
| ``optimizers``, ``muon`` | the optimisers by name |
| ``finish`` | what follows the fit: save, export, calibrate, measure |
| ``conversion`` | a Keras model as a LiteRT or ONNX file |

Only ``devices``, ``loop`` and ``muon`` import TensorFlow when they are imported; ``train`` does when it is called.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from multidigit.data.stream import make_stream
from multidigit.errors import MultidigitError, RunError
from multidigit.quiet import quiet_stderr
from multidigit.runs import SETTINGS, Run, RunWriter
from multidigit.settings import Settings, to_yaml
from multidigit.strategies.base import make, resolve
from multidigit.training import finish
from multidigit.training.checkpoints import Checkpoints, put_back
from multidigit.training.start import started_from
from multidigit.training.state import Listener, Progress
from multidigit.training.workers import Cluster, Others, joined

__all__ = ["Progress", "TrainingWarning", "assist", "train"]


class TrainingWarning(UserWarning):
    """A training that ended otherwise than it should, with a run that can be used."""


def train(
    settings: Settings,
    out: Path,
    *,
    listen: Listener = lambda progress: None,
    tensorboard: Path | None = None,
    resume: Run | None = None,
    cluster: Cluster | None = None,
) -> Run:
    """Train one network and write its run folder.

    Args:
        settings: what to train; values left open are filled from the backbone's recipe.
        out: where the run folder is to stand; it must not exist (but for ``resume``, which replaces the run).
        listen: called after every batch and epoch, and before each step that follows.
        tensorboard: folder for TensorBoard's logs.
        resume: an interrupted run to go on with; its own settings are used.
        cluster: the workers that train together, of which this process is the chief; the others call ``assist``.

    Returns:
        The finished run. After Ctrl-C, a run with ``interrupted`` set that holds what there was; a second Ctrl-C while
        it is written gives up. Where the loss became NaN or infinite after the first validation, a run with the best
        weights from before, ``diverged`` in its measures, and a ``TrainingWarning``.

    Raises:
        MultidigitError: before training begins: settings, digits or the folder are not usable, or a worker does not
            arrive. Later: a worker has ended; the same calls go on from the last checkpoint.
    """
    if resume is not None and not resume.interrupted:
        raise RunError(f"{resume.path}: this run is finished; train a new one, with more epochs if it needs them")
    if tensorboard and not find_spec("tensorboard"):
        raise MultidigitError("--tensorboard needs TensorBoard; install it with pip install 'multidigit[tensorboard]'")
    settings = resume.settings if resume else resolve(settings)
    if settings.train.start and not resume:
        started_from(settings)  # before anything takes time
    with (
        RunWriter(out, replace=resume is not None) as writer,
        Checkpoints(out, settings) as checkpoints,
        _all_there(cluster, settings) as others,
    ):
        # Of a training that was killed, or ended while its network was exported or tested.
        checkpoint = checkpoints.newest()
        # 1. Strips to judge by: the best weights are chosen by the validation strips, the test strips are for the end.
        stream = make_stream(settings)
        validation = stream.fixed("validation", settings.evaluation.validation_strips)
        test = stream.fixed("test", settings.evaluation.test_strips)

        # 2. A fresh network, or the one that was interrupted.
        with quiet_stderr():
            from multidigit.training import loop
            from multidigit.training.devices import devices_for

            _quieten()
            if settings.train.deterministic:
                loop.repeat_exactly()
            devices = devices_for(settings.train, cluster, others)
            strategy = make(settings)
            if resume and not checkpoint:
                model, state = loop.restore(resume, strategy, devices)
            else:
                model, state = loop.start(strategy, settings, devices)
            if checkpoint:
                put_back(checkpoint, model, state)
            loop.share(devices, model, state)

        # 3. Fit.
        loop.fit(model, strategy, stream, validation, state, devices, listen, checkpoints, tensorboard)

        if others and state.interrupted:
            others.leave(done=False)

        # 4. Save the network and export it; from here on the exported file reads.
        listen(state.progress(doing="exporting"))
        writer.text(SETTINGS, to_yaml(settings))
        finish.save(writer, strategy, model, state)
        exported = finish.export(writer, strategy, model)

        # 5. Calibrate its confidence.
        listen(state.progress(doing="calibrating"))
        calibration = finish.write_calibration(writer, exported, stream, settings.evaluation.validation_strips)

        # 6. Evaluate it.
        listen(state.progress(doing="testing"))
        summary = state.summary(model.count_params())
        corrupted = settings.evaluation.corruption_strips
        finish.write_measures(writer, exported, stream, test, calibration, summary, corrupted)
        run = writer.finish(settings)
        checkpoints.clear()
        if state.diverged:
            warnings.warn(
                f"{run.path}: {state.diverged}; the run has the weights of epoch {state.best_epoch}, from before; a "
                "lower train.learning_rate may help",
                TrainingWarning,
                stacklevel=2,
            )
        return run


def assist(settings: Settings, cluster: Cluster, listen: Listener = lambda progress: None) -> None:
    """Train one network together with the other workers of a cluster, whose chief calls ``train``.

    Each worker makes strips of its own and writes nothing: network, optimiser and how far they have come are the
    chief's, so that a training goes on from the chief's checkpoint wherever the other workers are.

    Raises:
        MultidigitError: as ``train``.
    """
    settings = resolve(settings)
    with _all_there(cluster, settings) as others:
        stream = make_stream(settings)
        validation = stream.fixed("validation", settings.evaluation.validation_strips)
        with quiet_stderr():
            from multidigit.training import loop
            from multidigit.training.devices import devices_for

            _quieten()
            devices = devices_for(settings.train, cluster, others)
            strategy = make(settings)
            model, state = loop.start(strategy, settings, devices)
            loop.share(devices, model, state)
        loop.fit(model, strategy, stream, validation, state, devices, listen, None)
        if state.interrupted:
            raise KeyboardInterrupt


@contextmanager
def _all_there(cluster: Cluster | None, settings: Settings) -> Iterator[Others | None]:
    """Within the block all workers of the cluster are there; nothing where there is none."""
    if cluster is None:
        yield None
        return
    if settings.train.deterministic:
        raise MultidigitError(
            "train.deterministic is training on one processor; received TF_CONFIG with several workers; unset one of "
            "them"
        )
    with joined(cluster, to_yaml(settings)) as others:
        yield others


def _quieten() -> None:
    # It warns of functions that are traced anew for the last, smaller batch of the validation strips.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
