"""How many detections a person gives in a minute, floor by floor: measured, kept, and used for heat in
people.
"""
