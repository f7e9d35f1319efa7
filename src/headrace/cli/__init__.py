"""The command line: options in, results out.

One file for each command, imported when that command runs: `main` knows them by name only, so that
`headrace --help` costs what click costs. No decision is taken here and no loop runs here but those that
show something to a person. Start with `main`, then `command` for what all commands share.
"""
