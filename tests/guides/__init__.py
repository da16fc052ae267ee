"""The guides are run as they are printed, against somebody else's company."""
