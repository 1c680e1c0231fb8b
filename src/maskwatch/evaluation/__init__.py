"""Measuring: metrics and intervals. No torch."""
