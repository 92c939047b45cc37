"""From the pages of volumes to documents."""
