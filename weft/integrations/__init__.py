"""Weft inside training frameworks: a callback or logger for each, in a module that bears the framework's name.

A module imports its framework when it is imported itself; nothing here is reached by ``import weft``. Whatever goes
wrong in Weft is told once in the log and never reaches the training.
"""
