"""Where results go: pictures, videos, records, tables, face crops, a window."""
