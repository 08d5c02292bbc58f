"""
Who may do what: requests as attributes, roles and bindings as rules, and what keeps a user from giving away
rights that he does not hold.

    attributes   what a request asks for, in RBAC's terms
    rules        whether a rule allows it, and whether rules cover others; pure
    authorizer   the rules of a user, from the store
    escalation   what roles and bindings a user may write
"""
