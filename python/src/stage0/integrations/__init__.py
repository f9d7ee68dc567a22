"""Gates in front of the tools of agent frameworks, one module for each.

Each hooks in where the framework runs a tool, asks one :class:`stage0.Gate`, and lets the call run only
if the answer is ALLOW and the arguments are those that were checked. None is imported before it is asked
for; each names the extra that it needs.
"""
