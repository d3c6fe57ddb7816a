"""The version, where every module can read it: the package's root imports most of them."""

__version__ = "0.1.0"
