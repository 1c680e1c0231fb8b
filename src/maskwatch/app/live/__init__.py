"""Watching cameras: frames to people, people to alerts and events, for days."""
