"""The report of a run: one page that says what went in, what came out and how.

Each module but `drawing` and `page` makes one section from files of the run, and
`summary` the sentences on top. A section whose files a run lacks is left out, or says
why it has nothing to show. Rows beyond a number that can be read are left out and
counted, with the file that has all.
"""
