"""What other tools know of good and bad, as guardrails: a file a format. PURE.

Their rules look at the canary alone and hold it against a number; a guardrail compares cohorts.
So what is carried over is the metric, its harmful direction and its weight, not the number.
Whatever is not carried over is told, with its place and why.
"""
