"""Mathematics of judging and attribution: numpy in, numpy out, nothing else."""
