"""The composition: settings, the detector, and the one frame loop."""
