"""Where frames come from: picture files, folders, globs, videos, cameras, addresses."""
