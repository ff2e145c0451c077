"""The calls to temporary credentials that MiniStack lacks or takes without looking. Runs in MiniStack's process.

Signatures and identity policies of signed calls are MiniStack's to judge, before these are asked; limits of form are
the façade's. What is here verifies tokens, assertions and codes, asks the role's trust policy, and makes the session
in MiniStack's own store, so that its evaluator knows it: session policy, expiry, aws:userid, aws:TokenIssueTime.
"""
