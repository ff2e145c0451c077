"""OpenID Connect, the relying party: code flow with PKCE, verified ID tokens (OpenID Connect Core 1.0)."""
