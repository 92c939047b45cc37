"""Language models that answer prompts: an interface, two backends, a journal.

`prompts` makes a prompt of a document, `protocol` says what a request and an answer
are, `server` and `local` answer, and `journal` keeps every answer and what it cost.
"""
