"""From the files of an archive to pages of lines, whatever their format.

`volumes` finds the volumes and the files in them, `packed` those in zip and tar files,
and `reading` tells a file's format by its content and has it read by one of `formats`,
all of which make the same `page.Page`. `lines` sets lines aside, and `block` makes
documents of the volumes of a block.
"""
