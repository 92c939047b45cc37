"""A page as text, lines and boxes, whatever the format of its file."""
