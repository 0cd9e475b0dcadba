"""The pure domain: values and rules, no clock, no network, no store. See README.md."""
