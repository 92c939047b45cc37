"""What counts as relevant: pools, grades, sheets for people, agreement."""
