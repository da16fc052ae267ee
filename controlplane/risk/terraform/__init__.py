"""Terraform and OpenTofu: what `show -json` says about a plan or a state."""
