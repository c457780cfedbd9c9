"""Muon for convolutions. Keras' own leaves every variable that is not a matrix to AdamW, which cannot be configured.

Optax' Muon takes kernels of any shape, but works with Keras on JAX alone. So this one fills in Keras' documented hooks.
"""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

SMALLEST = 16
"""Matrices with fewer rows or columns are left to AdamW: output layers of eleven classes are among them."""


class Muon(keras.optimizers.Muon):  # type: ignore[misc]
    """Muon (Jordan et al. 2024) for every hidden kernel, AdamW for the rest, both at one learning rate.

    The momentum of a kernel is replaced by the nearest matrix with orthogonal rows or columns, so that a step turns all
    directions alike, and scaled to the size of AdamW's steps (Liu et al. 2025, arXiv 2502.16982). A kernel (height,
    width, in, out) counts as a matrix (height · width · in, out).
    """

    def build(self, variables: list[Any]) -> None:
        if self.built:
            return
        super(keras.optimizers.Muon, self).build(variables)
        self.momentums, self.adam_velocities = [], []
        for variable in variables:
            self.momentums.append(self.add_variable_from_reference(variable, "momentum"))
            # Where there is no velocity, Keras takes Muon's step.
            hidden = variable.path.endswith("kernel") and min(_matrix_shape(variable)) >= SMALLEST
            self.adam_velocities.append(None if hidden else self.add_variable_from_reference(variable, "velocity"))

    def zeropower_via_newtonschulz5(self, x: Any, steps: int) -> Any:
        """The nearest orthogonal matrix, about, by the same polynomials as Keras' own, with a quarter of its products.

        Each iteration multiplies ``x`` by a polynomial of its Gram matrix. Such polynomials commute, so they are
        multiplied up among each other, in the size of the Gram matrix, and ``x`` is multiplied once, at the end.
        """
        rows, columns = _matrix_shape(x)
        matrix = ops.reshape(x, (rows, columns))
        matrix = matrix / (ops.norm(matrix) + 1e-7)
        wide = rows < columns
        gram = matrix @ ops.transpose(matrix) if wide else ops.transpose(matrix) @ matrix
        product = identity = ops.eye(min(rows, columns), dtype=x.dtype)
        for step in range(steps):
            factor = self.muon_a * identity + self.muon_b * gram + self.muon_c * (gram @ gram)
            product = factor @ product
            if step < steps - 1:
                gram = factor @ gram @ factor
        return ops.reshape(product @ matrix if wide else matrix @ product, x.shape)

    def lr_adjust(self, x: Any) -> Any:
        return ops.reshape(super().lr_adjust(ops.reshape(x, _matrix_shape(x))), x.shape)


def _matrix_shape(kernel: Any) -> tuple[int, int]:
    *rows, columns = kernel.shape
    return math.prod(rows), columns
