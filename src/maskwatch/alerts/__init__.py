"""Ways to tell somebody; one channel a file."""
