"""Write the digits of scikit-learn as a file of MNIST's form: a second source of real handwriting, for uci.yaml.

1,797 digits of 13 people at 8×8 pixels (Alpaydin and Kaynak 1998, UCI Machine Learning Repository), enlarged to the
20×20 pixels that digits have in MNIST. Neighbours in the file are often of one writer, so the last quarter is kept for
testing, not a random one.

    python experiments/uci_digits.py [uci.npz]
"""

from __future__ import annotations

import sys

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

from multidigit.labels import CELL

TEST_SHARE = 0.25
BOX = 20


def main(path: str = "uci.npz") -> None:
    digits = load_digits()
    large = [
        Image.fromarray((image * 255 / 16).round().astype(np.uint8)).resize((BOX, BOX), Image.Resampling.BICUBIC)
        for image in digits.images
    ]
    margin = (CELL - BOX) // 2
    images = np.pad(np.stack([np.asarray(image) for image in large]), ((0, 0), (margin, margin), (margin, margin)))
    labels = digits.target.astype(np.uint8)
    train = round(len(labels) * (1 - TEST_SHARE))
    np.savez_compressed(
        path, x_train=images[:train], y_train=labels[:train], x_test=images[train:], y_test=labels[train:]
    )
    print(f"{path}: {train:,} digits for training, {len(labels) - train} for testing")


if __name__ == "__main__":
    main(*sys.argv[1:])
