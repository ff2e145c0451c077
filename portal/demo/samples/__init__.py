"""A browser app of somebody's own, as a sample: a harbour camera over Kinesis Video Streams with WebRTC.

It imports nothing of the portal but the module that the portal gives to browser apps, holds no key, and knows of AWS,
the portal and the identity provider only where they are. The server hands out files; all else happens in the browser.
"""
