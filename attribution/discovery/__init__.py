"""From what a Prometheus has to proposals: services, cohorts, calls, guardrails. PURE."""
