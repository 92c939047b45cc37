"""From the files of an archive to pages of lines, whatever their format.

`volumes` finds the volumes and the files in them, `packed` those in zip and tar files,
and `formats` tells a file's format by its content and has it read by `htrflow`,
`page_xml`, `alto` or `plain`, which all make the same `page.Page`. `lines` sets lines
aside, and `block` makes documents of the volumes of a block.
"""
