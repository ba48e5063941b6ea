"""Answers as the outside wants them: data frames, rows, matrix, CSV, pictures. Pure; units in every form."""
