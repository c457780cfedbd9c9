"""Pictures to numbers, without TensorFlow."""
