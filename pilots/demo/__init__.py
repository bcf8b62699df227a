"""An invented programme of full size, to try the product with: nothing in it is real, and it says so.

Only the reference data are: provinces, industries with their classification, and definitions of indicators.
"""

from pilots.demo.load import load_demo

__all__ = ["load_demo"]
