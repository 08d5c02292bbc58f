"""
Who asks, and whether this is allowed.

    auth     the bearer token, and impersonation
    jwt      tokens of service accounts
    rbac/    roles and bindings
"""
