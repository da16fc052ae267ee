"""What operators keep by name (services, guardrails, policies, freezes, silences): how a body of
it is read, whether it came over REST or stands in a file, and how files and rows are brought
together.
"""
