"""One file per journey. Each view translates the request, makes one call to an operation, translates the result."""
