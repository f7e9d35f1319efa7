"""What people write (templates, settings, options, addresses), read and checked.

Every problem is collected and told at once; nothing here waits, talks to a network or starts anything.
Start with `template.load_template`, then `schema` for the settings and their ranges. `options` and
`addresses` import neither pydantic nor PyYAML, so that the command line may use them at its start.
"""
