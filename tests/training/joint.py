"""Trains on one device and on two virtual ones, in a process of its own; prints what came of both as JSON.

python joint.py SETTINGS FOLDER
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import tensorflow as tf

from multidigit.settings import validate
from multidigit.training import train

processor = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(processor, [tf.config.LogicalDeviceConfiguration()] * 2)
for devices in (1, "all"):
    given = json.loads(sys.argv[1])
    given["train"] |= {"devices": devices}
    train(validate(given), Path(sys.argv[2], str(devices)))
