"""What happens to frames between source and sinks: overlap and grouping; no files, no network."""
