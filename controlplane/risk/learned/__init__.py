"""What outcomes taught: how likely a change is to go wrong, from numbers that describe it.

`forest.py` and `model.py` answer about one change and import nothing but the standard library;
`boosting.py`, `calibration.py` and `training.py` fit, in numpy.
"""
