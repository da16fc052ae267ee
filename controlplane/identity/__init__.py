"""Who a CI job is, by the word of an issuer that the operator trusts: OpenID Connect's signed
tokens in, short-lived tokens of Graygate's own out.
"""
