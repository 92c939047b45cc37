"""How far texts are apart."""


def levenshtein(one, other):
    """By the recurrence, cell by cell."""
    row = list(range(len(other) + 1))
    for place, letter in enumerate(one, start=1):
        before, row[0] = row[0], place
        for column, against in enumerate(other, start=1):
            least = min(row[column] + 1, row[column - 1] + 1)
            before, row[column] = row[column], min(least, before + (letter != against))
    return row[-1]
