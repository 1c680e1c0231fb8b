"""Tests of the trainings that a user makes."""
