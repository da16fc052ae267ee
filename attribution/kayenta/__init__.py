"""`method: "mann_whitney"`: Kayenta's judge by its own description. PURE.

options → case (reading) → classify (one metric) → score (groups) → verdict (the answer).
docs/judging.md, "Kayenta's judge", says where the verdict is stricter than Kayenta, and why.
"""
