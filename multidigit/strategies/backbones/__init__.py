"""Backbones: the convolutional features that strategies share."""
