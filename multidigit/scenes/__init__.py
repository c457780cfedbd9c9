"""Scenes: generated pictures with rows of digits as the world shows them, and where the rows are."""

from multidigit.scenes.scene import Row, Scene, draw_close, draw_wide

__all__ = ["Row", "Scene", "draw_close", "draw_wide"]
