"""The report of a run: one page that says what went in, what came out and how.

`section` is the interface of the modules that make one each, from what was read of the
run's files: `data`, `gold`, `results`, `searches`, `spelling`, `training`, `negatives`,
`costs` and `made`. `outline` reads the files and puts the sections in order; `summary`
has the sentences on top. A section whose files a run lacks is left out, or says why it
has nothing to show. Rows beyond a number that can be read are left out and counted,
with the file that has all.
"""
