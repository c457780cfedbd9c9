"""Labelling pictures by hand: what to ask next, answers on disk, and a page on this machine."""
