"""The program `sallyport` on people's own machines: it speaks to a portal's API, and has no part of the server."""
