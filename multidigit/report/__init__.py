"""Results -> terminal, Markdown and pictures. Never imports TensorFlow."""
