"""What a careful reader would say of a prompt before it is released: rules that find, say where and why, and suggest a
wording. Reads text alone: asks no model and no registry.
"""
