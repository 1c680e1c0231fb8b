"""What the commands about watching share: options, the store, tables, the dashboard."""
