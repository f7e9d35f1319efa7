"""What Headrace costs, measured: `python -m bench` lists the benches, `python -m bench NAME` runs one.

`catalogue` says which there are, `harness` what a measurement is and how it is printed. A bench is a module with a function
`measure`; what it measures runs in processes of its own (`children`).
"""
