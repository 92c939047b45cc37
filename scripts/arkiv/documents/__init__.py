"""From the files of an archive to pages of lines, and from these to documents."""
