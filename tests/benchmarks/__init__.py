"""What ava_magic promises in numbers, measured beside what else one could use, on the machine at hand.

``python -m tests.benchmarks`` runs them all, names as arguments choose some, ``--list`` says what there is.  Figures of
different machines do not compare; so each is measured next to its alternative, in turns, in one run.  Nothing fails
here: a figure that falls short is printed as one.
"""
