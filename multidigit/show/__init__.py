"""Strips and readings, drawn in the terminal and as pictures."""
