CHANGE: dict[str, dict[str, float]] = {}
NONE: dict[str, dict[str, float]] = {}
from collections import defaultdict
CHANGE=defaultdict(dict)
NONE=defaultdict(dict)
