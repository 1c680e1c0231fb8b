"""Classifiers that a user trains: presets of the published systems, any backbone, any set."""
