"""What the benchmarks share: processes that are timed and tables that are kept."""
