"""Seconds. Shorter than the product's, so that what outlasts them is over soon."""

# Of a call to HAProxy, instead of 5.
CALL_S = 1.0
# Instead of 10 or more: holds such a call twice and a transaction, which is what check E007 asks
# of the usual one.
LEASE_S = 3.0
