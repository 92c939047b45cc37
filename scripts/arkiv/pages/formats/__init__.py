"""The formats of pages, a module for each: `reading` asks it for its `FORMAT`."""
