"""A GPU, without what runs on it: devices, streams, machine code, launches.

What NVIDIA's packages are asked, `nvidia` asks, or `simulator` in their place; `device` chooses.
"""
