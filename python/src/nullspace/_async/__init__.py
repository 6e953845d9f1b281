"""The classes that send operations."""
