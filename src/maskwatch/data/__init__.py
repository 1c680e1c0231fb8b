"""Labelled sets of faces: read them, cut their faces out, draw masks onto them. No torch."""
