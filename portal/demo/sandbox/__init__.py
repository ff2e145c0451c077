"""The AWS sandbox: MiniStack behind a strict façade, with a sign-in endpoint and a 'console' to look at.

A process of its own (`python -m portal.demo.sandbox`) that imports nothing else of the project and sees
neither its database nor its settings. What it checks and what it doesn't is in README.md beside this file.
"""
