"""The treatments that ship."""
