"""The volumes of an archive as it was shipped, and the files of each in order."""
